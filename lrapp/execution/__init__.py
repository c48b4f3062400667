"""Who does the work, and when? The queue, the processes that train and read, and what they log elsewhere."""

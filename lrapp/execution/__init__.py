"""Who does the work: processes of our own, and the order in which runs come to them."""

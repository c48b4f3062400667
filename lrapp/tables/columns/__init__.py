"""What do the cells of one column mean? Text -> numbers, dates, yes/no, categories, and how they were written."""

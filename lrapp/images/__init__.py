"""Which pictures are these? Built-in sets and zips with a folder for each class -> arrays of bytes."""

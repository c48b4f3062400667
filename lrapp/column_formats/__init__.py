"""Is a new file written as the table that a model learned from? How columns are written, kept with the model.

``learned`` keeps it, ``written`` tells what a file's cells show, ``match`` decides: read, convert, ask or refuse;
``as_learned`` reads a file so, ``chunks`` one of any length; ``options`` are the answers on a command line.
"""

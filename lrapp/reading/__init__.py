"""The bytes of a file become columns; ``lrapp.tables`` is the door to these rooms.

From the ground up: ``answers`` (yes and no), ``packed`` (cells in little memory), ``words``
(their different ones), ``numerals``, ``signs`` (around
numbers), ``dates``, ``kinds``, ``categories``, ``columns`` (texts -> values of a kind), ``decoding`` (bytes -> text),
``texts`` (delimiters of one byte), ``records``, ``layouts``, ``dialects`` (how the file is written), ``rows``,
``mending`` (rows that do not fit), ``unpacking`` (gzip, zip and spreadsheets), ``sheets`` (their rows).
"""

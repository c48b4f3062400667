"""What is in this file? Bytes -> ``reading.Table``.

``reading`` is the door. ``text/`` takes a file apart into rows of cells, ``columns/`` turns the cells of one column
into values; ``chunks`` reads long files in portions, ``csv_writer`` writes, ``column_summary`` describes.
"""

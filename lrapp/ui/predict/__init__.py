"""The Predict page: a table, pictures, or one row whose values are moved by hand."""

"""Who owns what, and who may do what? A visitor's signed cookie, uploaders of files, and the table of rights."""

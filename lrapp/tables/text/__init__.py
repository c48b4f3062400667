"""Where do rows and cells begin and end? Bytes in any container, encoding and dialect -> rows of cells."""

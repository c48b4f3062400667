"""How is it used without a browser? What stands behind ``python -m lrapp``."""

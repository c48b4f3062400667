"""How is it used without a browser? The commands of ``python -m lrapp``."""

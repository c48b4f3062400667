"""Pruned runs, and what stands in the files that their models are exported to."""

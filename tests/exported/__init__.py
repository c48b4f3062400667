"""What stands in the files that a model is exported to."""

"""The Runs page: the list, runs side by side, sharing."""

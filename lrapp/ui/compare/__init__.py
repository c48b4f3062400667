"""The Compare page: policies over seeds, and random search."""

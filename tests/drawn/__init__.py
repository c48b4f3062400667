"""What is drawn on a page, for tests in a browser."""

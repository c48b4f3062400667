"""What does a saved model predict for new rows or pictures? Files, single rows and plain numpy arithmetic."""

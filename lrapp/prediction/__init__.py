"""What does a saved model say about new rows or pictures? Files, single rows and plain numpy arithmetic."""

"""What does a run leave on disk? Its folder, what it says while it runs, notes, and settings as a link."""

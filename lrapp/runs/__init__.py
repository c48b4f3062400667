"""What is stored of a run? Its folder, its events, notes, and settings as a link."""

"""What `doctor` checks, and its results."""

"""What a statement locks, rewrites and scans, measured while it runs."""

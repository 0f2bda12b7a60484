"""Measures which tables a statement locks, rewrites and scans while it runs."""

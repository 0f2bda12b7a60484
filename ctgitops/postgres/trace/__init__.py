"""Measures what a statement locks, rewrites and scans while it runs."""

"""Benchmarks: each prints medians and ratios, compared with another tool in the same minute; none asserts a time."""

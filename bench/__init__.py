"""Benchmarks: each prints medians and ratios beside a peer that ran in the same minute; none asserts a time."""

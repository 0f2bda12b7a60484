"""Benchmarks print medians and ratios, measured against another tool in the same minute; they assert no times."""

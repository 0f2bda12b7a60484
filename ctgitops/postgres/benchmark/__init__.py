"""Measures benchmarks on throw-away copies."""

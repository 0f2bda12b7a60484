"""Benchmarks of the project that run before and after the pending migrations. Pure."""

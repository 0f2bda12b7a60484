"""The documentation, and the generators of parts of it."""

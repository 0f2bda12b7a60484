"""The repository's files."""

"""The contents of a repository: migrations and environments, their numbers, and candidates for selectors."""

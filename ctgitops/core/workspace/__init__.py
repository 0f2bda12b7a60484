"""What a repository holds: all its migrations and environments, their numbers, and how people name them."""

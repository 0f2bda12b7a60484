"""The name that everything of ours in a database has in front of it."""

SCHEMA = "ctgitops"

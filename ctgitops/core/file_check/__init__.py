"""Checks of one file's SQL: syntax, marks of other tools, transaction control, conflict markers."""

"""Checks of one file's SQL: syntax, markers of other tools, transaction control, conflict markers."""

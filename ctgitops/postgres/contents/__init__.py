"""Reads everything that a throw-away database contains."""

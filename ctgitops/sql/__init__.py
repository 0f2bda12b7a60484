"""Analyses SQL without a database. Pure: no input or output."""

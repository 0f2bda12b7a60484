"""Analyses SQL without a database. Pure."""

"""Migrations: files, headers, schema versions, and the order in which they are applied."""

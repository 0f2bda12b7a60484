"""Ports: one protocol for each kind of external system, such as databases, backups and GitHub."""

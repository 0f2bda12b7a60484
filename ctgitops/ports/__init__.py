"""Ports: one protocol for each kind of external effect, such as databases, backups and GitHub."""

"""Backups by pg_dump, proved by pg_restore."""

"""Backups with pg_dump, proved by restoring them with pg_restore."""

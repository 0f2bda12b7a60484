"""Backups with pg_dump. A restore with pg_restore proves each backup."""

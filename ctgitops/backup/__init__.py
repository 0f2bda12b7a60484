"""Takes backups with pg_dump, and verifies each backup by restoring it with pg_restore."""

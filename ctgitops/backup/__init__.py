"""Takes backups with pg_dump. Verifies each backup by restoring it with pg_restore."""

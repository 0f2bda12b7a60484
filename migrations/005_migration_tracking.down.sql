-- Rolls back 005_migration_tracking.
DROP FUNCTION public.schema_version();
DROP TABLE app.data_backfills;

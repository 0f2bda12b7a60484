-- The version is that of the ledger, or NULL where there is none.
SELECT public.schema_version() IS NULL OR public.schema_version() ~ '^[0-9]+[.][0-9]+[.][0-9]+$';

-- Users see the version, not the backfills.
SELECT has_function_privilege('authenticated', 'public.schema_version()', 'EXECUTE')
    AND NOT has_table_privilege('authenticated', 'app.data_backfills', 'SELECT');

-- Migration: 005_migration_tracking
-- Version: 1.4.0
-- Description: The application sees its schema version, and keeps book of long-running backfills
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-02-09
-- Author: David Okafor <david.okafor@constructtrack.example>
--
-- Dependencies: 001, 003
-- Estimated Execution Time: under 1 second
-- Impact: creates a table and a function only; no blocking

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regprocedure('app.set_updated_at()') IS NULL THEN
        RAISE EXCEPTION '005_migration_tracking: function app.set_updated_at() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.current_user_id()') IS NULL THEN
        RAISE EXCEPTION '005_migration_tracking: function app.current_user_id() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('app.data_backfills') IS NOT NULL THEN
        RAISE EXCEPTION '005_migration_tracking: app.data_backfills exists already'
            USING HINT = 'Somebody made it outside of the migrations: compare it, then drop or rename it.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
-- What was applied, when and by whom is in the ledger of the migration tool (schema ctgitops), not here. A migration
-- that adds a column leaves the filling of a big table to a worker, which writes down here how far it got.
CREATE TABLE app.data_backfills (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    migration_number integer NOT NULL,
    table_name text NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    batch_size integer NOT NULL DEFAULT 1000,
    last_key uuid,
    rows_done bigint NOT NULL DEFAULT 0,
    rows_total bigint,
    error text,
    started_at timestamptz,
    finished_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.data_backfills IS
    'Backfills that run in small batches beside the application, after the migration that needs them.';
COMMENT ON COLUMN app.data_backfills.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN app.data_backfills.name IS 'Name in the worker''s code.';
COMMENT ON COLUMN app.data_backfills.migration_number IS 'Number of the migration that needs the data.';
COMMENT ON COLUMN app.data_backfills.table_name IS 'Table that is filled, with its schema.';
COMMENT ON COLUMN app.data_backfills.status IS 'pending, running, paused, done or failed.';
COMMENT ON COLUMN app.data_backfills.batch_size IS 'Rows in one transaction.';
COMMENT ON COLUMN app.data_backfills.last_key IS 'Key of the last row that is done; the next batch begins after it.';
COMMENT ON COLUMN app.data_backfills.rows_done IS 'Rows done so far.';
COMMENT ON COLUMN app.data_backfills.rows_total IS 'Rows there were to do at the start, as estimated.';
COMMENT ON COLUMN app.data_backfills.error IS 'Why it failed.';
COMMENT ON COLUMN app.data_backfills.started_at IS 'When the first batch began.';
COMMENT ON COLUMN app.data_backfills.finished_at IS 'When the last batch was committed.';
COMMENT ON COLUMN app.data_backfills.created_at IS 'When the row was written first.';
COMMENT ON COLUMN app.data_backfills.updated_at IS 'When the row was changed last; set by trigger.';
ALTER TABLE app.data_backfills ENABLE ROW LEVEL SECURITY;

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: a migration that needs a backfill enters it

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
CREATE INDEX data_backfills_unfinished_idx ON app.data_backfills (migration_number) WHERE status <> 'done';

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
ALTER TABLE app.data_backfills
    ADD CONSTRAINT data_backfills_name_key UNIQUE (name),
    ADD CONSTRAINT data_backfills_migration_number_check CHECK (migration_number > 0),
    ADD CONSTRAINT data_backfills_status_check CHECK (status IN ('pending', 'running', 'paused', 'done', 'failed')),
    ADD CONSTRAINT data_backfills_batch_size_check CHECK (batch_size BETWEEN 1 AND 100000),
    ADD CONSTRAINT data_backfills_rows_check CHECK (rows_done >= 0 AND rows_total >= 0),
    ADD CONSTRAINT data_backfills_error_check CHECK ((status = 'failed') = (error IS NOT NULL)),
    ADD CONSTRAINT data_backfills_finished_check CHECK ((status = 'done') = (finished_at IS NOT NULL));

CREATE POLICY data_backfills_service ON app.data_backfills
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
CREATE TRIGGER data_backfills_set_updated_at BEFORE UPDATE ON app.data_backfills
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();

-- The ledger belongs to the tool and may not be there, on a developer's machine or in a restored copy: so it is named
-- only when the function runs. SECURITY DEFINER: the ledger is closed to users, its version is not.
CREATE FUNCTION public.schema_version() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    highest text;
BEGIN
    IF to_regclass('ctgitops.migrations') IS NULL THEN
        RETURN NULL;
    END IF;
    -- A ledger that also shows what was taken back says so in a column "mark"; one without shows what is applied.
    EXECUTE $query$
        SELECT m.version
        FROM ctgitops.migrations AS m
        WHERE m.version ~ '^[0-9]+[.][0-9]+[.][0-9]+$'
            AND coalesce(to_jsonb(m) ->> 'mark', 'applied') IN ('applied', 'baselined', 'repaired')
        ORDER BY string_to_array(m.version, '.')::integer[] DESC
        LIMIT 1
    $query$ INTO highest;
    RETURN highest;
END
$body$;
COMMENT ON FUNCTION public.schema_version() IS
    'Highest version among the applied migrations; NULL where no ledger is.';

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
REVOKE ALL ON FUNCTION public.schema_version() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.schema_version() TO authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.data_backfills TO service_role;

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF has_table_privilege('authenticated', 'app.data_backfills', 'SELECT') THEN
        RAISE EXCEPTION '005_migration_tracking: users may read the backfills';
    END IF;
    IF to_regclass('ctgitops.migrations') IS NULL AND public.schema_version() IS NOT NULL THEN
        RAISE EXCEPTION '005_migration_tracking: a version without a ledger: %', public.schema_version();
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
-- All six arguments: name, checksum and milliseconds (the tool fills in what is NULL), success, error, rollback.
SELECT record_migration('005_migration_tracking.sql', NULL, NULL, true, NULL, $rollback$
DROP FUNCTION public.schema_version();
DROP TABLE app.data_backfills;
$rollback$);

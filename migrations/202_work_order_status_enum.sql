-- Migration: 202_work_order_status_enum
-- Version: 2.0.0
-- Description: Work orders have seven states that the database knows; on_hold is blocked and waiting_material in one
-- Breaking Changes: Yes
-- Rollback: Manual - stop the writers, follow the steps at the end of section 2, deploy application 1.x
-- Created: 2026-04-06
-- Author: Anna Lindqvist <anna.lindqvist@constructtrack.example>
--
-- Dependencies: 002, 004
-- Estimated Execution Time: 2 seconds for 100,000 work orders
-- Impact: ACCESS EXCLUSIVE on work_orders, which is rewritten: blocks reads and writes; application 1.x no longer works

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regclass('public.work_orders') IS NULL THEN
        RAISE EXCEPTION '202_work_order_status_enum: table public.work_orders is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('app.organisation_usage') IS NULL THEN
        RAISE EXCEPTION '202_work_order_status_enum: view app.organisation_usage is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('public.project_progress()') IS NULL THEN
        RAISE EXCEPTION '202_work_order_status_enum: function public.project_progress() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF EXISTS (
        SELECT FROM public.work_orders
        WHERE status NOT IN ('draft', 'scheduled', 'in_progress', 'blocked', 'waiting_material',
                             'done', 'approved', 'cancelled')) THEN
        RAISE EXCEPTION '202_work_order_status_enum: a work order has a status that 002 does not know';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
CREATE TYPE public.work_order_status AS ENUM (
    'draft', 'scheduled', 'in_progress', 'on_hold', 'completed', 'approved', 'cancelled');
COMMENT ON TYPE public.work_order_status IS 'States of a work order, in the order in which it goes through them.';

-- What depends on the column is in the way of changing its type; sections 4 and 6 bring it back.
DROP VIEW app.organisation_usage;
DROP INDEX public.work_orders_open_due_idx;
ALTER TABLE public.work_orders
    DROP CONSTRAINT work_orders_status_check,
    ALTER COLUMN status DROP DEFAULT,
    ADD COLUMN hold_reason text;

-- One rewrite for both columns: each USING sees the row as it was, so the old status lives on as the reason.
-- ctgitops: allow rewriting-type (2 seconds for 100,000 rows; application 1.x is stopped for this release anyway)
ALTER TABLE public.work_orders
    ALTER COLUMN hold_reason TYPE text USING (
        CASE status WHEN 'blocked' THEN 'blocked' WHEN 'waiting_material' THEN 'waiting for material' END),
    ALTER COLUMN status TYPE public.work_order_status USING (
        CASE status
            WHEN 'blocked' THEN 'on_hold'
            WHEN 'waiting_material' THEN 'on_hold'
            WHEN 'done' THEN 'completed'
            ELSE status
        END)::public.work_order_status;
ALTER TABLE public.work_orders
    ALTER COLUMN status SET DEFAULT 'draft';
COMMENT ON COLUMN public.work_orders.status IS 'Where the order stands; see the type.';
COMMENT ON COLUMN public.work_orders.hold_reason IS 'What an order on hold waits for.';

-- The way back is by hand: an order that was put on hold since then has a reason in free words, and somebody has to
-- decide whether it becomes blocked or waiting_material.
--   a. Stop the writers. Drop app.organisation_usage, work_orders_open_due_idx, work_orders_crew_day_idx (700, where it
--      is applied), work_orders_hold_reason_check and the default of status.
--   b. ALTER TABLE public.work_orders ALTER COLUMN status TYPE text USING CASE WHEN status = 'completed' THEN 'done'
--      WHEN hold_reason = 'waiting for material' THEN 'waiting_material' WHEN status = 'on_hold' THEN 'blocked'
--      ELSE status::text END; correct what is waiting by other words; drop hold_reason.
--   c. Put back the default, and from 002 and 004: work_orders_status_check, the comment on the column,
--      work_orders_open_due_idx, public.project_progress, app.organisation_usage with its grant. Drop the type.
--   d. Tell the ledger: ctgitops repair.

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: the rewrite in section 2 carries the rows over

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
-- ctgitops: allow blocking-index (the table is locked already: section 2 has rewritten it)
CREATE INDEX work_orders_open_due_idx ON public.work_orders (organisation_id, due_on)
    WHERE status NOT IN ('completed', 'approved', 'cancelled');

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
-- ctgitops: allow check-scan (the table is locked already: section 2 has rewritten it)
ALTER TABLE public.work_orders
    ADD CONSTRAINT work_orders_hold_reason_check CHECK (status <> 'on_hold' OR hold_reason IS NOT NULL);

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
-- The body of a function in SQL is only read when it runs: without this, 'done' would be an error at the first call.
CREATE OR REPLACE FUNCTION public.project_progress()
RETURNS TABLE (
    project_id uuid,
    organisation_id uuid,
    code text,
    name text,
    planned_m numeric,
    installed_m numeric,
    percent_installed numeric,
    open_work_orders bigint,
    overdue_work_orders bigint,
    failed_inspections bigint
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT p.id, p.organisation_id, p.code, p.name,
        coalesce(r.planned_m, 0),
        coalesce(r.installed_m, 0),
        round(100 * coalesce(r.installed_m, 0) / nullif(r.planned_m, 0), 1),
        coalesce(w.open_orders, 0),
        coalesce(w.overdue_orders, 0),
        coalesce(i.failed, 0)
    FROM public.projects AS p
    LEFT JOIN LATERAL (
        SELECT sum(c.planned_length_m) AS planned_m, sum(c.installed_length_m - c.slack_m) AS installed_m
        FROM public.cable_routes AS c
        WHERE c.organisation_id = p.organisation_id AND c.project_id = p.id
    ) AS r ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS open_orders, count(*) FILTER (WHERE o.due_on < current_date) AS overdue_orders
        FROM public.work_orders AS o
        WHERE o.organisation_id = p.organisation_id AND o.project_id = p.id
            AND o.status NOT IN ('completed', 'approved', 'cancelled')
    ) AS w ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS failed
        FROM public.inspections AS n
        JOIN public.work_orders AS o ON o.organisation_id = n.organisation_id AND o.id = n.work_order_id
        WHERE n.organisation_id = p.organisation_id AND o.project_id = p.id AND n.result = 'failed'
    ) AS i ON true
$body$;

CREATE VIEW app.organisation_usage AS
SELECT o.id AS organisation_id, o.name,
    (SELECT count(*) FROM public.organisation_members AS m
     WHERE m.organisation_id = o.id AND m.left_at IS NULL) AS active_members,
    (SELECT count(*) FROM public.projects AS p
     WHERE p.organisation_id = o.id AND p.status = 'active') AS active_projects,
    (SELECT count(*) FROM public.work_orders AS w
     WHERE w.organisation_id = o.id AND w.status NOT IN ('completed', 'approved', 'cancelled')) AS open_work_orders,
    (SELECT coalesce(sum(f.byte_size), 0) FROM public.photos AS f WHERE f.organisation_id = o.id) AS photo_bytes
FROM public.organisations AS o;
COMMENT ON VIEW app.organisation_usage IS
    'What each organisation uses, for billing. Sees all organisations: for service_role only.';

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
-- Replacing a function keeps its grants; the view is new.
GRANT SELECT ON app.organisation_usage TO service_role;

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF (SELECT atttypid FROM pg_catalog.pg_attribute
        WHERE attrelid = 'public.work_orders'::regclass AND attname = 'status')
        <> 'public.work_order_status'::regtype THEN
        RAISE EXCEPTION '202_work_order_status_enum: the status is still text';
    END IF;
    IF has_table_privilege('authenticated', 'app.organisation_usage', 'SELECT') THEN
        RAISE EXCEPTION '202_work_order_status_enum: users may read the usage of all organisations';
    END IF;
    PERFORM FROM public.project_progress();
    PERFORM FROM app.organisation_usage;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('202_work_order_status_enum.sql');

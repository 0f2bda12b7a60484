-- The status is of the new type, and the default is part of it.
SELECT a.atttypid = 'public.work_order_status'::regtype AND a.atthasdef AND a.attnotnull
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = 'public.work_orders'::regclass AND a.attname = 'status';

-- An order on hold says what it waits for.
SELECT NOT EXISTS (SELECT FROM public.work_orders WHERE status = 'on_hold' AND hold_reason IS NULL);

-- What was dropped for the change is back.
SELECT to_regclass('app.organisation_usage') IS NOT NULL AND to_regclass('public.work_orders_open_due_idx') IS NOT NULL;

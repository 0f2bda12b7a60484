-- Rolls back 700_work_order_indexes_concurrently.
-- Runs statement by statement, outside of a transaction, as the migration does.
DROP INDEX CONCURRENTLY public.photos_taken_at_idx;
DROP INDEX CONCURRENTLY public.work_orders_completed_at_idx;
DROP INDEX CONCURRENTLY public.work_orders_crew_day_idx;

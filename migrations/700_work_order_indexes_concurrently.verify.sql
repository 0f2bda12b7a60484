-- Each index is there, valid and ready: a build that broke off leaves one that is neither.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_index
    WHERE indexrelid = to_regclass('public.' || wanted) AND indisvalid AND indisready)
FROM unnest(ARRAY['work_orders_crew_day_idx', 'work_orders_completed_at_idx', 'photos_taken_at_idx']) AS wanted;

-- Row-level security is on, with a policy for each thing a user may do.
SELECT c.relrowsecurity AND (SELECT count(*) FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid) >= 5
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relname IN ('optical_measurements');

-- The verdict is computed, not typed in.
SELECT attgenerated = 's' FROM pg_catalog.pg_attribute
WHERE attrelid = 'public.optical_measurements'::regclass AND attname = 'passed';

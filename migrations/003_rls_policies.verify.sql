-- Row-level security is on wherever a user may read.
SELECT relrowsecurity FROM pg_catalog.pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    AND has_table_privilege('authenticated', oid, 'SELECT');

-- Functions that see past the policies have a fixed search_path, and are not for everybody.
SELECT proconfig @> ARRAY['search_path=pg_catalog, pg_temp'] AND NOT has_function_privilege('public', oid, 'EXECUTE')
FROM pg_catalog.pg_proc WHERE pronamespace = 'app'::regnamespace AND prosecdef;

-- Nobody is asking, so nobody is found.
SELECT current_setting('request.jwt.claims', true) IS NOT NULL OR app.current_user_id() IS NULL;

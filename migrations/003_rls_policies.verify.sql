-- Row-level security is on wherever a user may read.
SELECT relrowsecurity FROM pg_catalog.pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    AND has_table_privilege('authenticated', oid, 'SELECT');

-- Functions that bypass the policies have a fixed search_path, and PUBLIC cannot execute them.
SELECT proconfig @> ARRAY['search_path=pg_catalog, pg_temp'] AND NOT has_function_privilege('public', oid, 'EXECUTE')
FROM pg_catalog.pg_proc WHERE pronamespace = 'app'::regnamespace AND prosecdef;

-- Without a user in the claims, no user is found.
SELECT current_setting('request.jwt.claims', true) IS NOT NULL OR app.current_user_id() IS NULL;

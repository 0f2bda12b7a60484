-- Row-level security is on, with a policy for each thing a user may do.
SELECT c.relrowsecurity AND (SELECT count(*) FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid) >= 5
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relname IN ('member_invitations');

-- Accepting is for signed-in users only.
SELECT has_function_privilege('authenticated', 'public.accept_invitation(text)', 'EXECUTE')
    AND NOT has_function_privilege('public', 'public.accept_invitation(text)', 'EXECUTE');

-- Row-level security is on, with a policy for each thing a user may do.
SELECT c.relrowsecurity AND (SELECT count(*) FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid) >= 5
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relname IN ('splice_closures', 'splices');

-- The trigger that keeps splices within closure and cable is on.
SELECT count(*) = 1 FROM pg_catalog.pg_trigger
WHERE tgrelid = 'public.splices'::regclass AND tgname = 'splices_check_splice_fits' AND tgenabled = 'O';

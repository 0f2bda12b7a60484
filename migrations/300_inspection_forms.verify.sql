-- Row-level security is on, with a policy for each thing a user may do.
SELECT c.relrowsecurity AND (SELECT count(*) FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid) >= 5
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relname IN ('forms', 'form_submissions');

-- A required question without an answer is noticed, a zero is an answer.
SELECT app.missing_answers('[{"key": "depth", "required": true}]', '{}') = '{depth}'
    AND app.missing_answers('[{"key": "depth", "required": true}]', '{"depth": 0}') = '{}';

-- Every policy for inserting or updating checks the new row.
SELECT polwithcheck IS NOT NULL FROM pg_catalog.pg_policy WHERE polcmd IN ('a', 'w');

-- Nobody makes themselves a member, or somebody else.
SELECT NOT has_table_privilege('authenticated', 'public.organisation_members', 'INSERT');

-- The trigger that keeps an owner in every organisation is on.
SELECT count(*) = 1 FROM pg_catalog.pg_trigger
WHERE tgrelid = 'public.organisation_members'::regclass AND tgname = 'organisation_members_keep_an_owner'
    AND tgenabled = 'O';

-- The catalogues are read-only for users.
SELECT NOT has_table_privilege('authenticated', 'public.' || shared, 'INSERT, UPDATE, DELETE')
FROM unnest(ARRAY['cable_types', 'work_order_types', 'inspection_templates', 'feature_flags']) AS shared;

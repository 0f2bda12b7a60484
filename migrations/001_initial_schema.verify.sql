-- The four tables are there.
SELECT to_regclass('public.' || wanted) IS NOT NULL
FROM unnest(ARRAY['organisations', 'users', 'organisation_members', 'projects']) AS wanted;

-- Roles are ordered from least to most.
SELECT 'owner'::public.member_role > 'admin' AND 'manager'::public.member_role > 'technician';

-- Nobody but the owner can read before the policies are there: PUBLIC has nothing.
SELECT NOT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c, aclexplode(c.relacl) AS a
    WHERE c.oid IN ('public.users'::regclass, 'public.organisation_members'::regclass) AND a.grantee = 0);

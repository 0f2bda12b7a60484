-- The four tables exist.
SELECT to_regclass('public.' || wanted) IS NOT NULL
FROM unnest(ARRAY['organisations', 'users', 'organisation_members', 'projects']) AS wanted;

-- Roles are ordered from least to most.
SELECT 'owner'::public.member_role > 'admin' AND 'manager'::public.member_role > 'technician';

-- Before the policies exist, only the owner can read: PUBLIC has no privileges.
SELECT NOT EXISTS (
    SELECT FROM pg_catalog.pg_class AS c, aclexplode(c.relacl) AS a
    WHERE c.oid IN ('public.users'::regclass, 'public.organisation_members'::regclass) AND a.grantee = 0);

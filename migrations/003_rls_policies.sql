-- Migration: 003_rls_policies
-- Version: 1.2.0
-- Description: Row-level security: users read only the rows of their own organisations
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-01-26
-- Author: David Okafor <david.okafor@constructtrack.example>
--
-- Dependencies: 001, 002
-- Estimated Execution Time: under 1 second
-- Impact: ACCESS EXCLUSIVE on every table, for milliseconds: readers and writers wait

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regclass('public.organisation_members') IS NULL THEN
        RAISE EXCEPTION '003_rls_policies: table public.organisation_members is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.work_orders') IS NULL THEN
        RAISE EXCEPTION '003_rls_policies: table public.work_orders is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.photos') IS NULL THEN
        RAISE EXCEPTION '003_rls_policies: table public.photos is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF (SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname IN ('authenticated', 'service_role')) < 2
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole)) THEN
        RAISE EXCEPTION '003_rls_policies: % may not create the roles authenticated and service_role', current_user
            USING HINT = 'Create both with NOLOGIN as an administrator, or give this role CREATEROLE.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
-- Roles belong to the whole cluster: another database may have made them, even at this moment.
DO $roles$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['authenticated', 'service_role'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN NULL;
            END;
        END IF;
    END LOOP;
END
$roles$;

ALTER TABLE public.organisations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.organisation_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.projects ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.cable_routes ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.work_orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.inspections ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.photos ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.cable_types ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.work_order_types ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.inspection_templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.feature_flags ENABLE ROW LEVEL SECURITY;
-- Not FORCE: the owner of the tables runs migrations and backups, and has to see every row.

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: policies do not change rows

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
-- none: organisation_members_user_id_idx (001) already serves the question every policy asks

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
-- none: the rules for reading are policies, at the end of section 6, after the functions they call

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
-- Who asks. The API puts the claims of the checked token into request.jwt.claims for each transaction.
-- Missing claims, or a subject that is not a UUID, mean no user; claims that are not JSON are an error.
CREATE FUNCTION app.current_user_id() RETURNS uuid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE WHEN subject ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN subject::uuid END
    FROM (SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub' AS subject) AS claims
$body$;
COMMENT ON FUNCTION app.current_user_id() IS 'The user of the request; NULL if there is none.';

-- SECURITY DEFINER: the policy on organisation_members asks this function, and would otherwise ask itself without end.
CREATE FUNCTION app.organisations_with_role(minimum public.member_role) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT m.organisation_id
    FROM public.organisation_members AS m
    WHERE m.user_id = (SELECT app.current_user_id()) AND m.left_at IS NULL AND m.role >= minimum
$body$;
COMMENT ON FUNCTION app.organisations_with_role(public.member_role) IS
    'Organisations in which the current user has at least this role now.';

CREATE FUNCTION app.colleagues() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT DISTINCT m.user_id
    FROM public.organisation_members AS m
    WHERE m.organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer')))
$body$;
COMMENT ON FUNCTION app.colleagues() IS
    'People who are or were in an organisation of the current user: their names stand under old work.';

-- ARRAY(SELECT …) is computed once a query, not once a row, and can be looked up in an index.
CREATE POLICY organisations_read ON public.organisations
    FOR SELECT TO authenticated
    USING (id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));
CREATE POLICY users_read ON public.users
    FOR SELECT TO authenticated
    USING (id = (SELECT app.current_user_id()) OR id = ANY (ARRAY(SELECT app.colleagues())));
CREATE POLICY organisation_members_read ON public.organisation_members
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));
CREATE POLICY projects_read ON public.projects
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));
CREATE POLICY cable_routes_read ON public.cable_routes
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));
CREATE POLICY work_orders_read ON public.work_orders
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));
CREATE POLICY inspections_read ON public.inspections
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));
CREATE POLICY photos_read ON public.photos
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));

-- All signed-in users read the same catalogues.
CREATE POLICY cable_types_read ON public.cable_types
    FOR SELECT TO authenticated
    USING ((SELECT app.current_user_id()) IS NOT NULL);
CREATE POLICY work_order_types_read ON public.work_order_types
    FOR SELECT TO authenticated
    USING ((SELECT app.current_user_id()) IS NOT NULL);
CREATE POLICY inspection_templates_read ON public.inspection_templates
    FOR SELECT TO authenticated
    USING ((SELECT app.current_user_id()) IS NOT NULL);
CREATE POLICY feature_flags_read ON public.feature_flags
    FOR SELECT TO authenticated
    USING ((SELECT app.current_user_id()) IS NOT NULL);

-- Sign-up, imports and background work: no person, all organisations.
CREATE POLICY organisations_service ON public.organisations
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY users_service ON public.users
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY organisation_members_service ON public.organisation_members
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY projects_service ON public.projects
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY cable_routes_service ON public.cable_routes
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY work_orders_service ON public.work_orders
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY inspections_service ON public.inspections
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY photos_service ON public.photos
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY cable_types_service ON public.cable_types
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY work_order_types_service ON public.work_order_types
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY inspection_templates_service ON public.inspection_templates
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY feature_flags_service ON public.feature_flags
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
GRANT USAGE ON SCHEMA app TO authenticated, service_role;
REVOKE ALL ON FUNCTION app.current_user_id() FROM PUBLIC;
REVOKE ALL ON FUNCTION app.organisations_with_role(public.member_role) FROM PUBLIC;
REVOKE ALL ON FUNCTION app.colleagues() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.current_user_id() TO authenticated, service_role;
GRANT EXECUTE ON FUNCTION app.organisations_with_role(public.member_role) TO authenticated, service_role;
GRANT EXECUTE ON FUNCTION app.colleagues() TO authenticated, service_role;

GRANT SELECT ON
    public.organisations, public.users, public.organisation_members, public.projects, public.cable_routes,
    public.work_orders, public.inspections, public.photos, public.cable_types, public.work_order_types,
    public.inspection_templates, public.feature_flags
    TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    public.organisations, public.users, public.organisation_members, public.projects, public.cable_routes,
    public.work_orders, public.inspections, public.photos, public.cable_types, public.work_order_types,
    public.inspection_templates, public.feature_flags
    TO service_role;

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
DECLARE
    open_tables text;
BEGIN
    SELECT string_agg(c.relname, ', ' ORDER BY c.relname) INTO open_tables
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        AND has_table_privilege('authenticated', c.oid, 'SELECT')
        AND NOT (c.relrowsecurity AND EXISTS (SELECT FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid));
    IF open_tables IS NOT NULL THEN
        RAISE EXCEPTION '003_rls_policies: authenticated reads without a policy: %', open_tables;
    END IF;
    IF NOT has_schema_privilege('authenticated', 'public', 'USAGE') THEN
        RAISE EXCEPTION '003_rls_policies: authenticated may not use schema public'
            USING HINT = 'GRANT USAGE ON SCHEMA public TO authenticated, as the owner of the schema.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('003_rls_policies.sql');

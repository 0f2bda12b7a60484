-- Migration: 007_core_rls_policies
-- Version: 1.5.0
-- Description: Members write what their role allows, and only within their organisation
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-02-23
-- Author: David Okafor <david.okafor@constructtrack.example>
--
-- Dependencies: 003
-- Estimated Execution Time: under 1 second
-- Impact: ACCESS EXCLUSIVE on eight tables, for milliseconds: readers and writers wait

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regprocedure('app.organisations_with_role(public.member_role)') IS NULL THEN
        RAISE EXCEPTION '007_core_rls_policies: function app.organisations_with_role(public.member_role) is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.current_user_id()') IS NULL THEN
        RAISE EXCEPTION '007_core_rls_policies: function app.current_user_id() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relrowsecurity
            AND relname IN ('organisations', 'users', 'organisation_members', 'projects', 'cable_routes',
                            'work_orders', 'inspections', 'photos')) THEN
        RAISE EXCEPTION '007_core_rls_policies: row-level security is off on a table that is about to be writable'
            USING HINT = 'Find out who switched it off since 003, and switch it on again.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
-- none: no column changes

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: policies do not change rows

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
-- none: the policies look up organisation_id, which leads an index in every table

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
-- none: the rules for writing are policies and a trigger, in section 6

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
-- An organisation without an owner could never be managed again. The row of the organisation is locked first, so that
-- two owners who step down at the same time do it one after the other. SECURITY DEFINER: users cannot lock that row.
CREATE FUNCTION app.keep_an_owner() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM FROM public.organisations AS o WHERE o.id = OLD.organisation_id FOR UPDATE;
    IF FOUND AND NOT EXISTS (
        SELECT FROM public.organisation_members AS m
        WHERE m.organisation_id = OLD.organisation_id AND m.role = 'owner' AND m.left_at IS NULL) THEN
        RAISE EXCEPTION 'organisation % would be left without an owner', OLD.organisation_id
            USING ERRCODE = 'check_violation', HINT = 'Make another member owner first.';
    END IF;
    RETURN NULL;
END
$body$;
COMMENT ON FUNCTION app.keep_an_owner() IS 'Trigger: refuses to take away the last owner of an organisation.';

CREATE TRIGGER organisation_members_keep_an_owner AFTER UPDATE OR DELETE ON public.organisation_members
    FOR EACH ROW WHEN (OLD.role = 'owner' AND OLD.left_at IS NULL) EXECUTE FUNCTION app.keep_an_owner();

-- USING is about the row as it was, WITH CHECK about the row as it becomes: without the second a member could move a
-- row into an organisation they do not belong to.
CREATE POLICY organisations_update ON public.organisations
    FOR UPDATE TO authenticated
    USING (id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))))
    WITH CHECK (id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))));
CREATE POLICY users_update ON public.users
    FOR UPDATE TO authenticated
    USING (id = (SELECT app.current_user_id()))
    WITH CHECK (id = (SELECT app.current_user_id()));

-- An admin manages members up to admin; owners are made and unmade by owners only.
CREATE POLICY organisation_members_update ON public.organisation_members
    FOR UPDATE TO authenticated
    USING ((role < 'owner' AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))))
        OR organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('owner'))))
    WITH CHECK ((role < 'owner' AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))))
        OR organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('owner'))));
CREATE POLICY organisation_members_delete ON public.organisation_members
    FOR DELETE TO authenticated
    USING ((role < 'owner' AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))))
        OR organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('owner'))));

CREATE POLICY projects_insert ON public.projects
    FOR INSERT TO authenticated
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))));
CREATE POLICY projects_update ON public.projects
    FOR UPDATE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))))
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))));
CREATE POLICY projects_delete ON public.projects
    FOR DELETE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))));

CREATE POLICY cable_routes_insert ON public.cable_routes
    FOR INSERT TO authenticated
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))));
CREATE POLICY cable_routes_update ON public.cable_routes
    FOR UPDATE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))))
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))));
CREATE POLICY cable_routes_delete ON public.cable_routes
    FOR DELETE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))));

-- A technician works on the orders assigned to them, and cannot hand them to somebody else.
CREATE POLICY work_orders_insert ON public.work_orders
    FOR INSERT TO authenticated
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))));
CREATE POLICY work_orders_update ON public.work_orders
    FOR UPDATE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager')))
        OR (assigned_to = (SELECT app.current_user_id())
            AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician')))))
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager')))
        OR (assigned_to = (SELECT app.current_user_id())
            AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician')))));
CREATE POLICY work_orders_delete ON public.work_orders
    FOR DELETE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))));

-- An inspection is signed by the one who made it.
CREATE POLICY inspections_insert ON public.inspections
    FOR INSERT TO authenticated
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager')))
        OR (inspector_id = (SELECT app.current_user_id())
            AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician')))));
CREATE POLICY inspections_update ON public.inspections
    FOR UPDATE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager')))
        OR (inspector_id = (SELECT app.current_user_id())
            AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician')))))
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager')))
        OR (inspector_id = (SELECT app.current_user_id())
            AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician')))));
CREATE POLICY inspections_delete ON public.inspections
    FOR DELETE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))));

CREATE POLICY photos_insert ON public.photos
    FOR INSERT TO authenticated
    WITH CHECK (uploaded_by = (SELECT app.current_user_id())
        AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))));
CREATE POLICY photos_update ON public.photos
    FOR UPDATE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager')))
        OR (uploaded_by = (SELECT app.current_user_id())
            AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician')))))
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager')))
        OR (uploaded_by = (SELECT app.current_user_id())
            AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician')))));
CREATE POLICY photos_delete ON public.photos
    FOR DELETE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager')))
        OR (uploaded_by = (SELECT app.current_user_id())
            AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician')))));

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
-- The identity provider owns id and email, the sign-up creates organisations and first owners: service_role does both.
-- People join an organisation by accepting an invitation (100), so no role inserts memberships directly.
GRANT UPDATE (name, slug, country_code) ON public.organisations TO authenticated;
GRANT UPDATE (full_name, phone) ON public.users TO authenticated;
GRANT UPDATE, DELETE ON public.organisation_members TO authenticated;
GRANT INSERT, UPDATE, DELETE ON
    public.projects, public.cable_routes, public.work_orders, public.inspections, public.photos
    TO authenticated;
REVOKE ALL ON FUNCTION app.keep_an_owner() FROM PUBLIC;

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
DECLARE
    unchecked text;
BEGIN
    SELECT string_agg(polname, ', ' ORDER BY polname) INTO unchecked
    FROM pg_catalog.pg_policy WHERE polcmd IN ('a', 'w') AND polwithcheck IS NULL;
    IF unchecked IS NOT NULL THEN
        RAISE EXCEPTION '007_core_rls_policies: policies that do not check the new row: %', unchecked;
    END IF;
    IF has_table_privilege('authenticated', 'public.organisation_members', 'INSERT')
        OR has_column_privilege('authenticated', 'public.users', 'email', 'UPDATE') THEN
        RAISE EXCEPTION '007_core_rls_policies: users may change memberships or identities by themselves';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('007_core_rls_policies.sql');

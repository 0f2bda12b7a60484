-- Migration: 200_splice_closures
-- Version: 1.7.0
-- Description: Splice closures and the splices in them: which fibre goes on as which
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-03-16
-- Author: Mei Tanaka <mei.tanaka@constructtrack.example>
--
-- Dependencies: 001, 002, 003
-- Estimated Execution Time: under 1 second
-- Impact: SHARE ROW EXCLUSIVE on projects, cable_routes, organisation_members: writers wait for milliseconds

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regclass('public.projects') IS NULL THEN
        RAISE EXCEPTION '200_splice_closures: table public.projects is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.cable_routes') IS NULL THEN
        RAISE EXCEPTION '200_splice_closures: table public.cable_routes is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.organisations_with_role(public.member_role)') IS NULL THEN
        RAISE EXCEPTION '200_splice_closures: function app.organisations_with_role(public.member_role) is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.current_user_id()') IS NULL THEN
        RAISE EXCEPTION '200_splice_closures: function app.current_user_id() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.set_updated_at()') IS NULL THEN
        RAISE EXCEPTION '200_splice_closures: function app.set_updated_at() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.splice_closures') IS NOT NULL THEN
        RAISE EXCEPTION '200_splice_closures: public.splice_closures exists already'
            USING HINT = 'Somebody made it outside of the migrations: compare it, then drop or rename it.';
    END IF;
    IF to_regclass('public.splices') IS NOT NULL THEN
        RAISE EXCEPTION '200_splice_closures: public.splices exists already'
            USING HINT = 'Somebody made it outside of the migrations: compare it, then drop or rename it.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
CREATE TABLE public.splice_closures (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    project_id uuid NOT NULL,
    code text NOT NULL,
    closure_type text NOT NULL,
    location point NOT NULL,
    tray_count integer NOT NULL,
    splices_per_tray integer NOT NULL DEFAULT 12,
    installed_on date,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.splice_closures IS
    'A box in which fibres are joined: in a manhole, on a pole, on a wall.';
COMMENT ON COLUMN public.splice_closures.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.splice_closures.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.splice_closures.project_id IS 'The project that builds it.';
COMMENT ON COLUMN public.splice_closures.code IS 'Label on plan and box, unique in the project.';
COMMENT ON COLUMN public.splice_closures.closure_type IS 'dome, inline, pedestal or wall_box.';
COMMENT ON COLUMN public.splice_closures.location IS 'Where it is: (longitude, latitude) in WGS 84.';
COMMENT ON COLUMN public.splice_closures.tray_count IS 'Number of trays in it.';
COMMENT ON COLUMN public.splice_closures.splices_per_tray IS 'Number of splices a tray holds.';
COMMENT ON COLUMN public.splice_closures.installed_on IS 'Day it was mounted; NULL while it is planned.';
COMMENT ON COLUMN public.splice_closures.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.splice_closures.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.splices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    splice_closure_id uuid NOT NULL,
    tray integer NOT NULL,
    position integer NOT NULL,
    incoming_route_id uuid NOT NULL,
    incoming_fibre integer NOT NULL,
    outgoing_route_id uuid NOT NULL,
    outgoing_fibre integer NOT NULL,
    loss_db numeric(5, 3),
    spliced_by uuid,
    spliced_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.splices IS
    'Two fibres joined in a tray.';
COMMENT ON COLUMN public.splices.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.splices.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.splices.splice_closure_id IS 'The closure.';
COMMENT ON COLUMN public.splices.tray IS 'Number of the tray, from 1.';
COMMENT ON COLUMN public.splices.position IS 'Place in the tray, from 1.';
COMMENT ON COLUMN public.splices.incoming_route_id IS 'The cable on the side of the exchange.';
COMMENT ON COLUMN public.splices.incoming_fibre IS 'Number of its fibre, from 1.';
COMMENT ON COLUMN public.splices.outgoing_route_id IS 'The cable on the side of the customer.';
COMMENT ON COLUMN public.splices.outgoing_fibre IS 'Number of its fibre, from 1.';
COMMENT ON COLUMN public.splices.loss_db IS 'Loss measured from both ends, mean, in dB; NULL until measured.';
COMMENT ON COLUMN public.splices.spliced_by IS 'The member who made it.';
COMMENT ON COLUMN public.splices.spliced_at IS 'When it was made; NULL while it is planned.';
COMMENT ON COLUMN public.splices.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.splices.updated_at IS 'When the row was changed last; set by trigger.';

ALTER TABLE public.splice_closures ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.splices ENABLE ROW LEVEL SECURITY;

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: closures are entered by their planners

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
CREATE INDEX splice_closures_location_idx ON public.splice_closures USING gist (location);
CREATE INDEX splices_spliced_by_idx ON public.splices (organisation_id, spliced_by);

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
-- A fibre of a cable can be joined once on each side within a closure; the unique keys also serve the foreign keys.
ALTER TABLE public.splice_closures
    ADD CONSTRAINT splice_closures_organisation_id_key UNIQUE (organisation_id, id),
    ADD CONSTRAINT splice_closures_code_key UNIQUE (organisation_id, project_id, code),
    ADD CONSTRAINT splice_closures_closure_type_check
        CHECK (closure_type IN ('dome', 'inline', 'pedestal', 'wall_box')),
    ADD CONSTRAINT splice_closures_location_check
        CHECK (location[0] BETWEEN -180 AND 180 AND location[1] BETWEEN -90 AND 90),
    ADD CONSTRAINT splice_closures_capacity_check
        CHECK (tray_count BETWEEN 1 AND 48 AND splices_per_tray BETWEEN 1 AND 24),
    ADD CONSTRAINT splice_closures_project_fkey FOREIGN KEY (organisation_id, project_id)
        REFERENCES public.projects (organisation_id, id);

ALTER TABLE public.splices
    ADD CONSTRAINT splices_place_key UNIQUE (organisation_id, splice_closure_id, tray, position),
    ADD CONSTRAINT splices_incoming_key
        UNIQUE (organisation_id, incoming_route_id, incoming_fibre, splice_closure_id),
    ADD CONSTRAINT splices_outgoing_key
        UNIQUE (organisation_id, outgoing_route_id, outgoing_fibre, splice_closure_id),
    ADD CONSTRAINT splices_place_check CHECK (tray >= 1 AND position >= 1),
    ADD CONSTRAINT splices_fibre_check CHECK (incoming_fibre >= 1 AND outgoing_fibre >= 1),
    ADD CONSTRAINT splices_loop_check
        CHECK (incoming_route_id <> outgoing_route_id OR incoming_fibre <> outgoing_fibre),
    ADD CONSTRAINT splices_loss_db_check CHECK (loss_db BETWEEN -1 AND 10),
    ADD CONSTRAINT splices_splice_closure_fkey FOREIGN KEY (organisation_id, splice_closure_id)
        REFERENCES public.splice_closures (organisation_id, id) ON DELETE CASCADE,
    ADD CONSTRAINT splices_incoming_route_fkey FOREIGN KEY (organisation_id, incoming_route_id)
        REFERENCES public.cable_routes (organisation_id, id),
    ADD CONSTRAINT splices_outgoing_route_fkey FOREIGN KEY (organisation_id, outgoing_route_id)
        REFERENCES public.cable_routes (organisation_id, id),
    ADD CONSTRAINT splices_spliced_by_fkey FOREIGN KEY (organisation_id, spliced_by)
        REFERENCES public.organisation_members (organisation_id, user_id);

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
CREATE TRIGGER splice_closures_set_updated_at BEFORE UPDATE ON public.splice_closures
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER splices_set_updated_at BEFORE UPDATE ON public.splices
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();

-- What a tray and a cable hold is written in other tables, so a CHECK cannot see it.
CREATE FUNCTION app.check_splice_fits() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF EXISTS (
        SELECT FROM public.splice_closures AS c
        WHERE c.organisation_id = NEW.organisation_id AND c.id = NEW.splice_closure_id
            AND (NEW.tray > c.tray_count OR NEW.position > c.splices_per_tray)) THEN
        RAISE EXCEPTION 'the closure has no place % in tray %', NEW.position, NEW.tray
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM public.cable_routes AS r
        JOIN public.cable_types AS t ON t.id = r.cable_type_id
        WHERE r.organisation_id = NEW.organisation_id
            AND ((r.id = NEW.incoming_route_id AND NEW.incoming_fibre > t.fibre_count)
                OR (r.id = NEW.outgoing_route_id AND NEW.outgoing_fibre > t.fibre_count))) THEN
        RAISE EXCEPTION 'the cable has fewer fibres than % and %', NEW.incoming_fibre, NEW.outgoing_fibre
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;
COMMENT ON FUNCTION app.check_splice_fits() IS 'Trigger: a splice needs a place in its closure, and fibres that exist.';

CREATE TRIGGER splices_check_splice_fits BEFORE INSERT OR UPDATE ON public.splices
    FOR EACH ROW EXECUTE FUNCTION app.check_splice_fits();

CREATE POLICY splice_closures_read ON public.splice_closures
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));
CREATE POLICY splices_read ON public.splices
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));

CREATE POLICY splice_closures_insert ON public.splice_closures
    FOR INSERT TO authenticated
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))));
CREATE POLICY splice_closures_update ON public.splice_closures
    FOR UPDATE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))))
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))));
CREATE POLICY splice_closures_delete ON public.splice_closures
    FOR DELETE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))));

CREATE POLICY splices_insert ON public.splices
    FOR INSERT TO authenticated
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))));
CREATE POLICY splices_update ON public.splices
    FOR UPDATE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))))
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))));
CREATE POLICY splices_delete ON public.splices
    FOR DELETE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))));

CREATE POLICY splice_closures_service ON public.splice_closures
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY splices_service ON public.splices
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
GRANT SELECT, INSERT, UPDATE, DELETE ON public.splice_closures, public.splices TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.splice_closures, public.splices TO service_role;
REVOKE ALL ON FUNCTION app.check_splice_fits() FROM PUBLIC;

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
DECLARE
    unguarded text;
BEGIN
    SELECT string_agg(c.relname, ', ' ORDER BY c.relname) INTO unguarded
    FROM pg_catalog.pg_class AS c
    WHERE c.oid IN ('public.splice_closures'::regclass, 'public.splices'::regclass)
        AND NOT (c.relrowsecurity AND EXISTS (
            SELECT FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid AND p.polcmd = 'r'));
    IF unguarded IS NOT NULL THEN
        RAISE EXCEPTION '200_splice_closures: tables without row-level security: %', unguarded;
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('200_splice_closures.sql');

-- Migration: 201_optical_measurements
-- Version: 1.8.0
-- Description: Optical measurements: the proof, fibre by fibre, that a route keeps its loss budget
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-03-23
-- Author: Mei Tanaka <mei.tanaka@constructtrack.example>
--
-- Dependencies: 002, 003
-- Estimated Execution Time: under 1 second
-- Impact: SHARE ROW EXCLUSIVE on cable_routes and organisation_members: writers wait for milliseconds

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regclass('public.cable_routes') IS NULL THEN
        RAISE EXCEPTION '201_optical_measurements: table public.cable_routes is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.organisations_with_role(public.member_role)') IS NULL THEN
        RAISE EXCEPTION '201_optical_measurements: function app.organisations_with_role(public.member_role) is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.current_user_id()') IS NULL THEN
        RAISE EXCEPTION '201_optical_measurements: function app.current_user_id() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.set_updated_at()') IS NULL THEN
        RAISE EXCEPTION '201_optical_measurements: function app.set_updated_at() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.optical_measurements') IS NOT NULL THEN
        RAISE EXCEPTION '201_optical_measurements: public.optical_measurements exists already'
            USING HINT = 'Somebody made it outside of the migrations: compare it, then drop or rename it.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
CREATE TABLE public.optical_measurements (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    cable_route_id uuid NOT NULL,
    fibre integer NOT NULL,
    wavelength_nm integer NOT NULL,
    direction text NOT NULL,
    length_m numeric(10, 2) NOT NULL,
    loss_db numeric(6, 3) NOT NULL,
    loss_budget_db numeric(6, 3) NOT NULL,
    passed boolean NOT NULL GENERATED ALWAYS AS (loss_db <= loss_budget_db) STORED,
    instrument text NOT NULL,
    trace_path text,
    measured_by uuid NOT NULL,
    measured_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.optical_measurements IS
    'Result of measuring one fibre of a route at one wavelength.';
COMMENT ON COLUMN public.optical_measurements.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.optical_measurements.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.optical_measurements.cable_route_id IS 'The route that was measured.';
COMMENT ON COLUMN public.optical_measurements.fibre IS 'Number of the fibre, from 1.';
COMMENT ON COLUMN public.optical_measurements.wavelength_nm IS '1310, 1490, 1550 or 1625 nanometres.';
COMMENT ON COLUMN public.optical_measurements.direction IS
    'a_to_b from the beginning of the route, b_to_a from its end.';
COMMENT ON COLUMN public.optical_measurements.length_m IS 'Optical length, in metres.';
COMMENT ON COLUMN public.optical_measurements.loss_db IS 'Loss from end to end, in dB.';
COMMENT ON COLUMN public.optical_measurements.loss_budget_db IS 'Greatest loss the design allows, in dB.';
COMMENT ON COLUMN public.optical_measurements.passed IS 'Whether the loss is within the budget.';
COMMENT ON COLUMN public.optical_measurements.instrument IS 'Make, model and serial number of the reflectometer.';
COMMENT ON COLUMN public.optical_measurements.trace_path IS
    'Key of the trace file (SOR) in the bucket; begins with the organisation''s id.';
COMMENT ON COLUMN public.optical_measurements.measured_by IS 'The member who measured.';
COMMENT ON COLUMN public.optical_measurements.measured_at IS 'When it was measured.';
COMMENT ON COLUMN public.optical_measurements.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.optical_measurements.updated_at IS 'When the row was changed last; set by trigger.';

ALTER TABLE public.optical_measurements ENABLE ROW LEVEL SECURITY;

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: measurements of before stay in the reports they were handed over with

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
CREATE INDEX optical_measurements_measured_by_idx ON public.optical_measurements (organisation_id, measured_by);
CREATE INDEX optical_measurements_failed_idx ON public.optical_measurements (organisation_id, measured_at)
    WHERE NOT passed;

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
ALTER TABLE public.optical_measurements
    ADD CONSTRAINT optical_measurements_measurement_key
        UNIQUE (organisation_id, cable_route_id, fibre, wavelength_nm, direction, measured_at),
    ADD CONSTRAINT optical_measurements_fibre_check CHECK (fibre >= 1),
    ADD CONSTRAINT optical_measurements_wavelength_nm_check CHECK (wavelength_nm IN (1310, 1490, 1550, 1625)),
    ADD CONSTRAINT optical_measurements_direction_check CHECK (direction IN ('a_to_b', 'b_to_a')),
    ADD CONSTRAINT optical_measurements_amount_check CHECK (length_m > 0 AND loss_db >= 0 AND loss_budget_db > 0),
    ADD CONSTRAINT optical_measurements_trace_path_check
        CHECK (starts_with(trace_path, organisation_id::text || '/')),
    ADD CONSTRAINT optical_measurements_cable_route_fkey FOREIGN KEY (organisation_id, cable_route_id)
        REFERENCES public.cable_routes (organisation_id, id),
    ADD CONSTRAINT optical_measurements_measured_by_fkey FOREIGN KEY (organisation_id, measured_by)
        REFERENCES public.organisation_members (organisation_id, user_id);

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
CREATE TRIGGER optical_measurements_set_updated_at BEFORE UPDATE ON public.optical_measurements
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();

CREATE FUNCTION public.route_acceptance(route uuid)
RETURNS TABLE (fibre integer, worst_loss_db numeric, worst_margin_db numeric, accepted boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH latest AS (
        SELECT DISTINCT ON (m.fibre, m.wavelength_nm, m.direction)
            m.fibre, m.direction, m.loss_db, m.loss_budget_db, m.passed
        FROM public.optical_measurements AS m
        WHERE m.cable_route_id = route_acceptance.route
        ORDER BY m.fibre, m.wavelength_nm, m.direction, m.measured_at DESC
    )
    SELECT l.fibre, max(l.loss_db), min(l.loss_budget_db - l.loss_db),
        bool_and(l.passed) AND count(DISTINCT l.direction) = 2
    FROM latest AS l
    GROUP BY l.fibre
    ORDER BY l.fibre
$body$;
COMMENT ON FUNCTION public.route_acceptance(uuid) IS
    'Fibre by fibre, whether the last measurements of a route are within budget from both ends.';

-- A measurement is signed by the one who made it; managers correct and delete.
CREATE POLICY optical_measurements_read ON public.optical_measurements
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));
CREATE POLICY optical_measurements_insert ON public.optical_measurements
    FOR INSERT TO authenticated
    WITH CHECK (measured_by = (SELECT app.current_user_id())
        AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))));
CREATE POLICY optical_measurements_update ON public.optical_measurements
    FOR UPDATE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))))
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))));
CREATE POLICY optical_measurements_delete ON public.optical_measurements
    FOR DELETE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))));
CREATE POLICY optical_measurements_service ON public.optical_measurements
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
GRANT SELECT, INSERT, UPDATE, DELETE ON public.optical_measurements TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.optical_measurements TO service_role;
REVOKE ALL ON FUNCTION public.route_acceptance(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.route_acceptance(uuid) TO authenticated, service_role;

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
DECLARE
    unguarded text;
BEGIN
    SELECT string_agg(c.relname, ', ' ORDER BY c.relname) INTO unguarded
    FROM pg_catalog.pg_class AS c
    WHERE c.oid IN ('public.optical_measurements'::regclass)
        AND NOT (c.relrowsecurity AND EXISTS (
            SELECT FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid AND p.polcmd = 'r'));
    IF unguarded IS NOT NULL THEN
        RAISE EXCEPTION '201_optical_measurements: tables without row-level security: %', unguarded;
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('201_optical_measurements.sql');

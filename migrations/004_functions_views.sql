-- Migration: 004_functions_views
-- Version: 1.3.0
-- Description: Progress of projects, features on the map, length of a route, usage for billing
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-02-02
-- Author: Mei Tanaka <mei.tanaka@constructtrack.example>
--
-- Dependencies: 001, 002, 003
-- Estimated Execution Time: under 1 second
-- Impact: creates functions and a view only; no blocking

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regclass('public.work_orders') IS NULL THEN
        RAISE EXCEPTION '004_functions_views: table public.work_orders is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.organisations_with_role(public.member_role)') IS NULL THEN
        RAISE EXCEPTION '004_functions_views: function app.organisations_with_role(public.member_role) is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
-- none: no table changes

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: functions and views hold no data

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
-- none: the indexes for the map are 006

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
-- none: no table changes

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
-- Length over ground of a path of (longitude, latitude), by haversine on the mean radius of the earth. A path gives its
-- points only as text, and text of a float depends on extra_float_digits: so it is fixed here.
CREATE FUNCTION app.path_length_m(route path) RETURNS numeric
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $body$
    WITH points AS (
        SELECT n, radians(pair[1]::double precision) AS longitude, radians(pair[2]::double precision) AS latitude
        FROM regexp_matches(route::text, '\(([-+.0-9e]+),([-+.0-9e]+)\)', 'g') WITH ORDINALITY AS found (pair, n)
    ), legs AS (
        SELECT longitude, latitude,
            lag(longitude) OVER (ORDER BY n) AS last_longitude, lag(latitude) OVER (ORDER BY n) AS last_latitude
        FROM points
    )
    SELECT round(coalesce(sum(2 * 6371008.8 * asin(least(1, sqrt(
        sin((latitude - last_latitude) / 2) ^ 2
        + cos(latitude) * cos(last_latitude) * sin((longitude - last_longitude) / 2) ^ 2)))), 0)::numeric, 2)
    FROM legs
    WHERE last_longitude IS NOT NULL
$body$;
COMMENT ON FUNCTION app.path_length_m(path) IS 'Length of a path of (longitude, latitude), in metres.';

-- A function and not a view: a view would read with the rights of its owner, past the policies, on PostgreSQL 14.
CREATE FUNCTION public.project_progress()
RETURNS TABLE (
    project_id uuid,
    organisation_id uuid,
    code text,
    name text,
    planned_m numeric,
    installed_m numeric,
    percent_installed numeric,
    open_work_orders bigint,
    overdue_work_orders bigint,
    failed_inspections bigint
)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT p.id, p.organisation_id, p.code, p.name,
        coalesce(r.planned_m, 0),
        coalesce(r.installed_m, 0),
        round(100 * coalesce(r.installed_m, 0) / nullif(r.planned_m, 0), 1),
        coalesce(w.open_orders, 0),
        coalesce(w.overdue_orders, 0),
        coalesce(i.failed, 0)
    FROM public.projects AS p
    LEFT JOIN LATERAL (
        SELECT sum(c.planned_length_m) AS planned_m, sum(c.installed_length_m - c.slack_m) AS installed_m
        FROM public.cable_routes AS c
        WHERE c.organisation_id = p.organisation_id AND c.project_id = p.id
    ) AS r ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS open_orders, count(*) FILTER (WHERE o.due_on < current_date) AS overdue_orders
        FROM public.work_orders AS o
        WHERE o.organisation_id = p.organisation_id AND o.project_id = p.id
            AND o.status NOT IN ('done', 'approved', 'cancelled')
    ) AS w ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS failed
        FROM public.inspections AS n
        JOIN public.work_orders AS o ON o.organisation_id = n.organisation_id AND o.id = n.work_order_id
        WHERE n.organisation_id = p.organisation_id AND o.project_id = p.id AND n.result = 'failed'
    ) AS i ON true
$body$;
COMMENT ON FUNCTION public.project_progress() IS
    'Where each project the current user can see stands: metres, open work, failed inspections.';

-- SECURITY DEFINER, and so with its own check of the organisation: below a policy the planner may not use an index for
-- && and <@, because these operators are not leakproof, and the map would read whole tables.
CREATE FUNCTION public.map_features(area box)
RETURNS TABLE (kind text, id uuid, organisation_id uuid, project_id uuid, label text, extent box)
LANGUAGE sql STABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
    WITH mine AS MATERIALIZED (SELECT ARRAY(SELECT app.organisations_with_role('viewer')) AS ids)
    SELECT 'project', p.id, p.organisation_id, p.id, p.name, box(p.area)
    FROM public.projects AS p
    WHERE p.area && polygon(map_features.area) AND p.organisation_id = ANY ((SELECT ids FROM mine)::uuid[])
    UNION ALL
    SELECT 'cable_route', c.id, c.organisation_id, c.project_id, c.code, box(polygon(pclose(c.route)))
    FROM public.cable_routes AS c
    WHERE polygon(pclose(c.route)) && polygon(map_features.area)
        AND c.organisation_id = ANY ((SELECT ids FROM mine)::uuid[])
    UNION ALL
    SELECT 'work_order', w.id, w.organisation_id, w.project_id, w.reference, box(w.location)
    FROM public.work_orders AS w
    WHERE w.location <@ map_features.area AND w.organisation_id = ANY ((SELECT ids FROM mine)::uuid[])
    UNION ALL
    SELECT 'photo', f.id, f.organisation_id, f.project_id, f.caption, box(f.location)
    FROM public.photos AS f
    WHERE f.location <@ map_features.area AND f.organisation_id = ANY ((SELECT ids FROM mine)::uuid[])
$body$;
COMMENT ON FUNCTION public.map_features(box) IS
    'Everything of the current user''s organisations that touches an area of (longitude, latitude).';

CREATE VIEW app.organisation_usage AS
SELECT o.id AS organisation_id, o.name,
    (SELECT count(*) FROM public.organisation_members AS m
     WHERE m.organisation_id = o.id AND m.left_at IS NULL) AS active_members,
    (SELECT count(*) FROM public.projects AS p
     WHERE p.organisation_id = o.id AND p.status = 'active') AS active_projects,
    (SELECT count(*) FROM public.work_orders AS w
     WHERE w.organisation_id = o.id AND w.status NOT IN ('done', 'approved', 'cancelled')) AS open_work_orders,
    (SELECT coalesce(sum(f.byte_size), 0) FROM public.photos AS f WHERE f.organisation_id = o.id) AS photo_bytes
FROM public.organisations AS o;
COMMENT ON VIEW app.organisation_usage IS
    'What each organisation uses, for billing. Sees all organisations: for service_role only.';

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
REVOKE ALL ON FUNCTION app.path_length_m(path) FROM PUBLIC;
REVOKE ALL ON FUNCTION public.project_progress() FROM PUBLIC;
REVOKE ALL ON FUNCTION public.map_features(box) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.path_length_m(path) TO authenticated, service_role;
GRANT EXECUTE ON FUNCTION public.project_progress() TO authenticated, service_role;
GRANT EXECUTE ON FUNCTION public.map_features(box) TO authenticated;
GRANT SELECT ON app.organisation_usage TO service_role;

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
DECLARE
    equator numeric := app.path_length_m('[(0,0),(1,0)]');
BEGIN
    -- One degree along the equator is 111.195 km on the mean radius.
    IF equator IS DISTINCT FROM 111195.08 THEN
        RAISE EXCEPTION '004_functions_views: one degree along the equator is % m', equator;
    END IF;
    IF has_table_privilege('authenticated', 'app.organisation_usage', 'SELECT') THEN
        RAISE EXCEPTION '004_functions_views: users may read the usage of all organisations';
    END IF;
    PERFORM FROM public.project_progress();
    PERFORM FROM public.map_features(box '((-180,-90),(180,90))');
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('004_functions_views.sql');

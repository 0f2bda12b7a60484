-- Migration: 006_spatial_indexes
-- Version: 1.4.1
-- Description: Spatial indexes: the map finds what it shows without reading whole tables
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-02-16
-- Author: Mei Tanaka <mei.tanaka@constructtrack.example>
--
-- Dependencies: 001, 002, 004
-- Estimated Execution Time: 1 second for 100,000 routes
-- Impact: SHARE on projects, cable_routes, work_orders and photos: writers wait while an index is built

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regclass('public.projects') IS NULL THEN
        RAISE EXCEPTION '006_spatial_indexes: table public.projects is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.cable_routes') IS NULL THEN
        RAISE EXCEPTION '006_spatial_indexes: table public.cable_routes is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.work_orders') IS NULL THEN
        RAISE EXCEPTION '006_spatial_indexes: table public.work_orders is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.photos') IS NULL THEN
        RAISE EXCEPTION '006_spatial_indexes: table public.photos is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('public.map_features(box)') IS NULL THEN
        RAISE EXCEPTION '006_spatial_indexes: function public.map_features(box) is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.cable_routes_route_idx') IS NOT NULL THEN
        RAISE EXCEPTION '006_spatial_indexes: public.cable_routes_route_idx exists already'
            USING HINT = 'Somebody made it outside of the migrations: compare it, then drop or rename it.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
-- none: the geometric columns are part of 001 and 002

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: an index holds no data of its own

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
-- A path has no GiST operator class; closed and seen as a polygon it has, and the index stores its bounding box only.
-- public.map_features (004) asks with the same expression.
-- ctgitops: allow blocking-index (writers wait for 1 second, as Impact says; outside of working hours)
CREATE INDEX projects_area_idx ON public.projects USING gist (area);
-- ctgitops: allow blocking-index (writers wait for 1 second, as Impact says; outside of working hours)
CREATE INDEX cable_routes_route_idx ON public.cable_routes USING gist (polygon(pclose(route)));
-- ctgitops: allow blocking-index (writers wait for 1 second, as Impact says; outside of working hours)
CREATE INDEX work_orders_location_idx ON public.work_orders USING gist (location);
-- ctgitops: allow blocking-index (writers wait for 1 second, as Impact says; outside of working hours)
CREATE INDEX photos_location_idx ON public.photos USING gist (location);

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
-- none: what a coordinate may be is checked since 001 and 002

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
-- none: the functions that use the indexes are part of 004

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
-- none: an index needs no grant

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
DECLARE
    ready integer;
BEGIN
    SELECT count(*) INTO ready
    FROM pg_catalog.pg_index AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
    WHERE a.amname = 'gist' AND i.indisvalid AND c.relnamespace = 'public'::regnamespace AND c.relname IN (
        'projects_area_idx', 'cable_routes_route_idx', 'work_orders_location_idx', 'photos_location_idx');
    IF ready <> 4 THEN
        RAISE EXCEPTION '006_spatial_indexes: % of 4 spatial indexes are ready', ready;
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('006_spatial_indexes.sql');

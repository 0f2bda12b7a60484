-- Migration: 006_spatial_indexes
-- Version: 1.4.1
-- Description: Spatial indexes: the map finds what it shows without reading whole tables
-- Breaking Changes: No
-- Rollback: Manual - drop the eight indexes, the two checks and the four geometry columns; leave the extension in place
-- Created: 2026-02-16
-- Author: Mei Tanaka <mei.tanaka@constructtrack.example>
--
-- Dependencies: 001, 002, 004
-- Estimated Execution Time: 10 seconds for 100,000 routes
-- Impact: ACCESS EXCLUSIVE on projects, cable_routes, work_orders and photos, which are rewritten: everybody waits

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
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'postgis') THEN
        RAISE EXCEPTION '006_spatial_indexes: PostGIS is not installed on this server'
            USING HINT = 'Use the file of the same name in migrations/, which needs no extension.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
-- This file takes the place of 006 on a server with PostGIS. The core columns stay the ones that are written; the
-- geometry is generated from them, so the two can never disagree and every later migration works unchanged.
CREATE EXTENSION IF NOT EXISTS postgis;

ALTER TABLE public.projects
    ADD COLUMN area_geom geometry(Polygon, 4326)
        GENERATED ALWAYS AS (ST_SetSRID(area::geometry, 4326)) STORED;
ALTER TABLE public.cable_routes
    ADD COLUMN route_geom geometry(LineString, 4326)
        GENERATED ALWAYS AS (ST_SetSRID(route::geometry, 4326)) STORED;
ALTER TABLE public.work_orders
    ADD COLUMN location_geom geometry(Point, 4326)
        GENERATED ALWAYS AS (ST_SetSRID(location::geometry, 4326)) STORED;
ALTER TABLE public.photos
    ADD COLUMN location_geom geometry(Point, 4326)
        GENERATED ALWAYS AS (ST_SetSRID(location::geometry, 4326)) STORED;
COMMENT ON COLUMN public.projects.area_geom IS 'The column area for PostGIS, in WGS 84; generated.';
COMMENT ON COLUMN public.cable_routes.route_geom IS 'The column route for PostGIS, in WGS 84; generated.';
COMMENT ON COLUMN public.work_orders.location_geom IS 'The column location for PostGIS, in WGS 84; generated.';
COMMENT ON COLUMN public.photos.location_geom IS 'The column location for PostGIS, in WGS 84; generated.';

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: the generated columns fill themselves

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
-- A path has no GiST operator class; closed and seen as a polygon it has, and the index stores its bounding box only.
-- public.map_features (004) asks with the same expression.
CREATE INDEX projects_area_idx ON public.projects USING gist (area);
CREATE INDEX cable_routes_route_idx ON public.cable_routes USING gist (polygon(pclose(route)));
CREATE INDEX work_orders_location_idx ON public.work_orders USING gist (location);
CREATE INDEX photos_location_idx ON public.photos USING gist (location);

-- For queries of PostGIS: distances, intersections, nearest neighbours.
CREATE INDEX projects_area_geom_idx ON public.projects USING gist (area_geom);
CREATE INDEX cable_routes_route_geom_idx ON public.cable_routes USING gist (route_geom);
CREATE INDEX work_orders_location_geom_idx ON public.work_orders USING gist (location_geom);
CREATE INDEX photos_location_geom_idx ON public.photos USING gist (location_geom);

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
ALTER TABLE public.projects
    ADD CONSTRAINT projects_area_geom_check CHECK (ST_IsValid(area_geom));
ALTER TABLE public.cable_routes
    ADD CONSTRAINT cable_routes_route_geom_check CHECK (ST_NPoints(route_geom) >= 2);

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
-- none: public.map_features (004) goes on with the core indexes

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
-- none: a table's grants cover its new columns

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
        'projects_area_idx', 'cable_routes_route_idx', 'work_orders_location_idx', 'photos_location_idx',
        'projects_area_geom_idx',
        'cable_routes_route_geom_idx',
        'work_orders_location_geom_idx',
        'photos_location_geom_idx');
    IF ready <> 8 THEN
        RAISE EXCEPTION '006_spatial_indexes: % of 8 spatial indexes are ready', ready;
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('006_spatial_indexes.sql');

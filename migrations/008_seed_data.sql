-- Migration: 008_seed_data
-- Version: 1.5.1
-- Description: The catalogues: cable types, kinds of work, inspection templates
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-03-02
-- Author: Anna Lindqvist <anna.lindqvist@constructtrack.example>
--
-- Dependencies: 002
-- Estimated Execution Time: under 1 second
-- Impact: writes 26 rows of catalogues; no blocking

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regclass('public.cable_types') IS NULL THEN
        RAISE EXCEPTION '008_seed_data: table public.cable_types is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.work_order_types') IS NULL THEN
        RAISE EXCEPTION '008_seed_data: table public.work_order_types is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.inspection_templates') IS NULL THEN
        RAISE EXCEPTION '008_seed_data: table public.inspection_templates is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
-- none: the tables are part of 002

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- Data that every environment needs, the code refers to by name. Data of one environment is in seeds/.
-- A row that somebody has entered already is brought up to date, and not touched when it is.
INSERT INTO public.cable_types AS t
    (code, description, fibre_count, fibre_standard, outer_diameter_mm, max_pull_newton)
VALUES
    ('LT-G652D-12', 'Loose tube, 12 fibres, dielectric, for ducts', 12, 'G.652.D', 8.00, 1500),
    ('LT-G652D-24', 'Loose tube, 24 fibres, dielectric, for ducts', 24, 'G.652.D', 8.50, 1800),
    ('LT-G652D-48', 'Loose tube, 48 fibres, dielectric, for ducts', 48, 'G.652.D', 9.80, 2200),
    ('LT-G652D-96', 'Loose tube, 96 fibres, dielectric, for ducts', 96, 'G.652.D', 12.00, 2700),
    ('LT-G652D-144', 'Loose tube, 144 fibres, dielectric, for ducts', 144, 'G.652.D', 14.90, 2700),
    ('MC-G657A1-288', 'Microcable for blowing, 288 fibres of 200 micrometres', 288, 'G.657.A1', 9.30, 1500),
    ('AR-G652D-48', 'Steel-armoured for direct burial, 48 fibres', 48, 'G.652.D', 14.50, 3500),
    ('ADSS-G652D-48', 'Self-supporting for spans up to 100 metres, 48 fibres', 48, 'G.652.D', 12.50, 6000),
    ('DROP-G657A2-2', 'Drop cable to the house, 2 bend-insensitive fibres', 2, 'G.657.A2', 3.80, 450)
ON CONFLICT (code) DO UPDATE SET
    description = excluded.description,
    fibre_count = excluded.fibre_count,
    fibre_standard = excluded.fibre_standard,
    outer_diameter_mm = excluded.outer_diameter_mm,
    max_pull_newton = excluded.max_pull_newton
WHERE (t.description, t.fibre_count, t.fibre_standard, t.outer_diameter_mm, t.max_pull_newton) IS DISTINCT FROM (
    excluded.description, excluded.fibre_count, excluded.fibre_standard, excluded.outer_diameter_mm,
    excluded.max_pull_newton);

INSERT INTO public.work_order_types AS t (code, name, requires_photo, sort_order)
VALUES
    ('site_survey', 'Site survey', true, 10),
    ('trenching', 'Trenching', true, 20),
    ('duct_installation', 'Duct installation', true, 30),
    ('cable_blowing', 'Cable blowing', false, 40),
    ('cable_pulling', 'Cable pulling', false, 50),
    ('aerial_stringing', 'Aerial stringing', true, 60),
    ('splicing', 'Splicing', true, 70),
    ('otdr_testing', 'OTDR testing', false, 80),
    ('reinstatement', 'Reinstatement of the surface', true, 90),
    ('customer_connection', 'Customer connection', true, 100),
    ('fault_repair', 'Fault repair', true, 110)
ON CONFLICT (code) DO UPDATE SET
    name = excluded.name,
    requires_photo = excluded.requires_photo,
    sort_order = excluded.sort_order
WHERE (t.name, t.requires_photo, t.sort_order) IS DISTINCT FROM (
    excluded.name, excluded.requires_photo, excluded.sort_order);

INSERT INTO public.inspection_templates AS t (code, name, items)
VALUES
    ('trench_depth', 'Trench before backfill', '[
        {"item": "depth", "question": "Is the cover at least 0.60 m, or 0.80 m below a road?", "critical": true},
        {"item": "bedding", "question": "Is the bedding sand, free of stones?", "critical": false},
        {"item": "warning_tape", "question": "Does warning tape lie 0.30 m above the duct?", "critical": true},
        {"item": "separation", "question": "Is the distance to power cables at least 0.30 m?", "critical": true}
    ]'),
    ('duct_integrity', 'Ducts before blowing', '[
        {"item": "mandrel", "question": "Did the mandrel pass the whole length?", "critical": true},
        {"item": "pressure", "question": "Did the ducts hold 10 bar for 2 minutes?", "critical": true},
        {"item": "end_caps", "question": "Are all open ends capped?", "critical": false}
    ]'),
    ('splice_quality', 'Closure after splicing', '[
        {"item": "loss", "question": "Is each splice at or below 0.10 dB, measured from both ends?", "critical": true},
        {"item": "bend_radius", "question": "Do the fibres keep a radius of 30 mm?", "critical": true},
        {"item": "labels", "question": "Are cables, tubes and trays labelled?", "critical": false},
        {"item": "sealing", "question": "Did the closure pass the leak test at 0.4 bar?", "critical": true}
    ]'),
    ('aerial_span', 'Aerial span', '[
        {"item": "clearance", "question": "Is the clearance over roads at least 5.5 m?", "critical": true},
        {"item": "sag", "question": "Is the sag as calculated for the day?", "critical": true},
        {"item": "fittings", "question": "Are dead ends and dampers as specified?", "critical": false}
    ]'),
    ('site_safety', 'Safety on site', '[
        {"item": "signs", "question": "Are signs and barriers as in the traffic plan?", "critical": true},
        {"item": "utilities", "question": "Were existing utilities located and marked?", "critical": true},
        {"item": "protective_equipment", "question": "Does everybody wear helmet, vest and boots?", "critical": true}
    ]'),
    ('reinstatement', 'Surface after reinstatement', '[
        {"item": "level", "question": "Is the surface level with what is around it?", "critical": false},
        {"item": "compaction", "question": "Is the compaction test passed?", "critical": true},
        {"item": "markings", "question": "Are road markings restored?", "critical": false}
    ]')
ON CONFLICT (code) DO UPDATE SET
    name = excluded.name,
    items = excluded.items
WHERE (t.name, t.items) IS DISTINCT FROM (excluded.name, excluded.items);

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
-- none: a few rows each, found by the unique code

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
-- none: part of 002

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
-- none: no function changes

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
-- none: 003 lets every signed-in user read the catalogues

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
DECLARE
    filled bigint[] := ARRAY[
        (SELECT count(*) FROM public.cable_types),
        (SELECT count(*) FROM public.work_order_types),
        (SELECT count(*) FROM public.inspection_templates)];
BEGIN
    IF filled[1] < 9 OR filled[2] < 11 OR filled[3] < 6 THEN
        RAISE EXCEPTION '008_seed_data: the catalogues hold % rows, not at least {9,11,6}', filled;
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('008_seed_data.sql');

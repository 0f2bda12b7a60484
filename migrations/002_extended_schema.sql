-- Migration: 002_extended_schema
-- Version: 1.1.0
-- Description: Cable routes, work orders, inspections, photos, and the catalogues they refer to
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-01-19
-- Author: Anna Lindqvist <anna.lindqvist@constructtrack.example>
--
-- Dependencies: 001
-- Estimated Execution Time: under 1 second
-- Impact: SHARE ROW EXCLUSIVE on projects and organisation_members: their writers wait for milliseconds

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regclass('public.projects') IS NULL THEN
        RAISE EXCEPTION '002_extended_schema: table public.projects is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.organisation_members') IS NULL THEN
        RAISE EXCEPTION '002_extended_schema: table public.organisation_members is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.set_updated_at()') IS NULL THEN
        RAISE EXCEPTION '002_extended_schema: function app.set_updated_at() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.cable_routes') IS NOT NULL THEN
        RAISE EXCEPTION '002_extended_schema: public.cable_routes exists already'
            USING HINT = 'Somebody made it outside of the migrations: compare it, then drop or rename it.';
    END IF;
    IF to_regclass('public.work_orders') IS NOT NULL THEN
        RAISE EXCEPTION '002_extended_schema: public.work_orders exists already'
            USING HINT = 'Somebody made it outside of the migrations: compare it, then drop or rename it.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
CREATE TABLE public.cable_types (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    code text NOT NULL,
    description text NOT NULL,
    fibre_count integer NOT NULL,
    fibre_standard text NOT NULL,
    outer_diameter_mm numeric(5, 2) NOT NULL,
    max_pull_newton integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.cable_types IS
    'Cables that can be laid: one catalogue for all organisations.';
COMMENT ON COLUMN public.cable_types.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.cable_types.code IS 'Name in the catalogue.';
COMMENT ON COLUMN public.cable_types.description IS 'Cable in words.';
COMMENT ON COLUMN public.cable_types.fibre_count IS 'Number of fibres.';
COMMENT ON COLUMN public.cable_types.fibre_standard IS 'ITU-T recommendation of the fibre.';
COMMENT ON COLUMN public.cable_types.outer_diameter_mm IS 'Outer diameter, in millimetres.';
COMMENT ON COLUMN public.cable_types.max_pull_newton IS 'Greatest pull during installation, in newton.';
COMMENT ON COLUMN public.cable_types.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.cable_types.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.work_order_types (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    code text NOT NULL,
    name text NOT NULL,
    requires_photo boolean NOT NULL DEFAULT false,
    sort_order integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.work_order_types IS
    'Kinds of work: one list for all organisations.';
COMMENT ON COLUMN public.work_order_types.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.work_order_types.code IS 'Name in interfaces.';
COMMENT ON COLUMN public.work_order_types.name IS 'Name for people.';
COMMENT ON COLUMN public.work_order_types.requires_photo IS 'Whether the work is only done with a picture of it.';
COMMENT ON COLUMN public.work_order_types.sort_order IS 'Position in lists, in the order of building.';
COMMENT ON COLUMN public.work_order_types.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.work_order_types.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.inspection_templates (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    code text NOT NULL,
    name text NOT NULL,
    items jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.inspection_templates IS
    'What an inspection looks at: one list for all organisations.';
COMMENT ON COLUMN public.inspection_templates.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.inspection_templates.code IS 'Name in interfaces.';
COMMENT ON COLUMN public.inspection_templates.name IS 'Name for people.';
COMMENT ON COLUMN public.inspection_templates.items IS 'Array of objects: item, question, critical.';
COMMENT ON COLUMN public.inspection_templates.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.inspection_templates.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.feature_flags (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    code text NOT NULL,
    description text NOT NULL,
    enabled boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.feature_flags IS
    'Parts of the product that are switched on or off for an environment.';
COMMENT ON COLUMN public.feature_flags.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.feature_flags.code IS 'Name in the application''s code.';
COMMENT ON COLUMN public.feature_flags.description IS 'What is seen when it is on.';
COMMENT ON COLUMN public.feature_flags.enabled IS 'Whether it is on.';
COMMENT ON COLUMN public.feature_flags.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.feature_flags.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.cable_routes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    project_id uuid NOT NULL,
    cable_type_id uuid NOT NULL,
    code text NOT NULL,
    installation_method text NOT NULL,
    status text NOT NULL DEFAULT 'planned',
    route path NOT NULL,
    planned_length_m numeric(10, 2) NOT NULL,
    installed_length_m numeric(10, 2),
    slack_m numeric(8, 2) NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.cable_routes IS
    'A cable from one point to another: planned, built, measured and handed over.';
COMMENT ON COLUMN public.cable_routes.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.cable_routes.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.cable_routes.project_id IS 'The project that builds it.';
COMMENT ON COLUMN public.cable_routes.cable_type_id IS 'The cable that is laid.';
COMMENT ON COLUMN public.cable_routes.code IS 'Label on plan and cable, unique in the project.';
COMMENT ON COLUMN public.cable_routes.installation_method IS 'duct, direct_buried, microtrench, aerial or indoor.';
COMMENT ON COLUMN public.cable_routes.status IS
    'planned, permitted, in_construction, installed, tested or handed_over.';
COMMENT ON COLUMN public.cable_routes.route IS
    'Course of the cable: an open path of (longitude, latitude) in WGS 84.';
COMMENT ON COLUMN public.cable_routes.planned_length_m IS 'Length in the plan, in metres.';
COMMENT ON COLUMN public.cable_routes.installed_length_m IS
    'Length by the marks on the sheath, in metres; NULL until it is laid.';
COMMENT ON COLUMN public.cable_routes.slack_m IS 'Reserve in the loops, in metres, part of the installed length.';
COMMENT ON COLUMN public.cable_routes.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.cable_routes.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.work_orders (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    project_id uuid NOT NULL,
    cable_route_id uuid,
    work_order_type_id uuid NOT NULL,
    reference text NOT NULL,
    title text NOT NULL,
    description text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'draft',
    priority text NOT NULL DEFAULT 'normal',
    location point,
    assigned_to uuid,
    scheduled_for date,
    due_on date,
    started_at timestamptz,
    completed_at timestamptz,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.work_orders IS
    'A piece of work for a crew: what, where, by whom, until when.';
COMMENT ON COLUMN public.work_orders.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.work_orders.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.work_orders.project_id IS 'The project it belongs to.';
COMMENT ON COLUMN public.work_orders.cable_route_id IS 'The route it is about, if it is about one.';
COMMENT ON COLUMN public.work_orders.work_order_type_id IS 'The kind of work.';
COMMENT ON COLUMN public.work_orders.reference IS 'Number on paper and radio, unique in the organisation.';
COMMENT ON COLUMN public.work_orders.title IS 'One line for the crew.';
COMMENT ON COLUMN public.work_orders.description IS 'What has to be done, and what to watch out for.';
COMMENT ON COLUMN public.work_orders.status IS
    'draft, scheduled, in_progress, blocked, waiting_material, done, approved or cancelled.';
COMMENT ON COLUMN public.work_orders.priority IS 'low, normal, high or urgent.';
COMMENT ON COLUMN public.work_orders.location IS 'Where the crew goes: (longitude, latitude) in WGS 84.';
COMMENT ON COLUMN public.work_orders.assigned_to IS 'The member who leads the crew.';
COMMENT ON COLUMN public.work_orders.scheduled_for IS 'Day the crew is booked.';
COMMENT ON COLUMN public.work_orders.due_on IS 'Day it has to be finished.';
COMMENT ON COLUMN public.work_orders.started_at IS 'When work began.';
COMMENT ON COLUMN public.work_orders.completed_at IS 'When work was finished.';
COMMENT ON COLUMN public.work_orders.created_by IS 'The member who wrote the order.';
COMMENT ON COLUMN public.work_orders.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.work_orders.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.inspections (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    work_order_id uuid NOT NULL,
    inspection_template_id uuid NOT NULL,
    inspector_id uuid NOT NULL,
    result text NOT NULL DEFAULT 'pending',
    findings jsonb NOT NULL DEFAULT '[]',
    inspected_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.inspections IS
    'A check of finished or running work against a template.';
COMMENT ON COLUMN public.inspections.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.inspections.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.inspections.work_order_id IS 'The work that is checked.';
COMMENT ON COLUMN public.inspections.inspection_template_id IS 'The list of items that are checked.';
COMMENT ON COLUMN public.inspections.inspector_id IS 'The member who checks.';
COMMENT ON COLUMN public.inspections.result IS 'pending, passed, passed_with_remarks or failed.';
COMMENT ON COLUMN public.inspections.findings IS 'One object an item: item, ok, remark.';
COMMENT ON COLUMN public.inspections.inspected_at IS 'When the check was made; NULL while it is pending.';
COMMENT ON COLUMN public.inspections.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.inspections.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.photos (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    project_id uuid NOT NULL,
    work_order_id uuid,
    inspection_id uuid,
    storage_path text NOT NULL,
    content_type text NOT NULL,
    byte_size bigint NOT NULL,
    sha256 text NOT NULL,
    caption text NOT NULL DEFAULT '',
    location point,
    taken_at timestamptz NOT NULL,
    uploaded_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.photos IS
    'A picture from the site. The file is in object storage; this says what it shows.';
COMMENT ON COLUMN public.photos.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.photos.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.photos.project_id IS 'The project it was taken for.';
COMMENT ON COLUMN public.photos.work_order_id IS 'The work it documents, if any.';
COMMENT ON COLUMN public.photos.inspection_id IS 'The inspection it belongs to, if any.';
COMMENT ON COLUMN public.photos.storage_path IS 'Key in the bucket; begins with the organisation''s id.';
COMMENT ON COLUMN public.photos.content_type IS 'image/jpeg, image/png, image/heic or image/webp.';
COMMENT ON COLUMN public.photos.byte_size IS 'Size of the file.';
COMMENT ON COLUMN public.photos.sha256 IS
    'Checksum of the file in hexadecimal: proof that the evidence was not changed.';
COMMENT ON COLUMN public.photos.caption IS 'What is seen.';
COMMENT ON COLUMN public.photos.location IS 'Where it was taken: (longitude, latitude) in WGS 84.';
COMMENT ON COLUMN public.photos.taken_at IS 'When it was taken, by the camera''s clock.';
COMMENT ON COLUMN public.photos.uploaded_by IS 'The member who sent it.';
COMMENT ON COLUMN public.photos.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.photos.updated_at IS 'When the row was changed last; set by trigger.';

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: the catalogues are filled by 008

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
-- Every foreign key has an index that begins with its columns; where a unique constraint does, there is no second one.
CREATE INDEX cable_routes_cable_type_id_idx ON public.cable_routes (cable_type_id);

CREATE INDEX work_orders_project_id_idx ON public.work_orders (organisation_id, project_id);
CREATE INDEX work_orders_cable_route_id_idx ON public.work_orders (organisation_id, cable_route_id);
CREATE INDEX work_orders_work_order_type_id_idx ON public.work_orders (work_order_type_id);
CREATE INDEX work_orders_assigned_to_idx ON public.work_orders (organisation_id, assigned_to);
CREATE INDEX work_orders_created_by_idx ON public.work_orders (organisation_id, created_by);
CREATE INDEX work_orders_open_due_idx ON public.work_orders (organisation_id, due_on)
    WHERE status NOT IN ('done', 'approved', 'cancelled');

CREATE INDEX inspections_work_order_id_idx ON public.inspections (organisation_id, work_order_id);
CREATE INDEX inspections_inspection_template_id_idx ON public.inspections (inspection_template_id);
CREATE INDEX inspections_inspector_id_idx ON public.inspections (organisation_id, inspector_id);

CREATE INDEX photos_project_id_idx ON public.photos (organisation_id, project_id, taken_at);
CREATE INDEX photos_work_order_id_idx ON public.photos (organisation_id, work_order_id);
CREATE INDEX photos_inspection_id_idx ON public.photos (organisation_id, inspection_id);
CREATE INDEX photos_uploaded_by_idx ON public.photos (organisation_id, uploaded_by);

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
ALTER TABLE public.cable_types
    ADD CONSTRAINT cable_types_code_key UNIQUE (code),
    ADD CONSTRAINT cable_types_fibre_count_check CHECK (fibre_count BETWEEN 1 AND 6912),
    ADD CONSTRAINT cable_types_outer_diameter_mm_check CHECK (outer_diameter_mm > 0),
    ADD CONSTRAINT cable_types_max_pull_newton_check CHECK (max_pull_newton > 0);

ALTER TABLE public.work_order_types
    ADD CONSTRAINT work_order_types_code_key UNIQUE (code);

ALTER TABLE public.inspection_templates
    ADD CONSTRAINT inspection_templates_code_key UNIQUE (code),
    ADD CONSTRAINT inspection_templates_items_check
        CHECK (jsonb_typeof(items) = 'array' AND items <> '[]'::jsonb);

ALTER TABLE public.feature_flags
    ADD CONSTRAINT feature_flags_code_key UNIQUE (code),
    ADD CONSTRAINT feature_flags_code_check CHECK (code ~ '^[a-z][a-z0-9_]*$');

ALTER TABLE public.cable_routes
    ADD CONSTRAINT cable_routes_organisation_id_key UNIQUE (organisation_id, id),
    ADD CONSTRAINT cable_routes_code_key UNIQUE (organisation_id, project_id, code),
    ADD CONSTRAINT cable_routes_installation_method_check
        CHECK (installation_method IN ('duct', 'direct_buried', 'microtrench', 'aerial', 'indoor')),
    ADD CONSTRAINT cable_routes_status_check
        CHECK (status IN ('planned', 'permitted', 'in_construction', 'installed', 'tested', 'handed_over')),
    ADD CONSTRAINT cable_routes_route_check CHECK (isopen(route) AND npoints(route) >= 2),
    ADD CONSTRAINT cable_routes_length_check
        CHECK (planned_length_m > 0 AND installed_length_m > 0 AND slack_m >= 0 AND slack_m <= installed_length_m),
    ADD CONSTRAINT cable_routes_installed_check
        CHECK (status IN ('planned', 'permitted', 'in_construction') OR installed_length_m IS NOT NULL),
    ADD CONSTRAINT cable_routes_project_fkey FOREIGN KEY (organisation_id, project_id)
        REFERENCES public.projects (organisation_id, id),
    ADD CONSTRAINT cable_routes_cable_type_fkey FOREIGN KEY (cable_type_id) REFERENCES public.cable_types (id);

ALTER TABLE public.work_orders
    ADD CONSTRAINT work_orders_organisation_id_key UNIQUE (organisation_id, id),
    ADD CONSTRAINT work_orders_reference_key UNIQUE (organisation_id, reference),
    ADD CONSTRAINT work_orders_title_check CHECK (btrim(title) <> ''),
    ADD CONSTRAINT work_orders_status_check CHECK (status IN (
        'draft', 'scheduled', 'in_progress', 'blocked', 'waiting_material', 'done', 'approved', 'cancelled')),
    ADD CONSTRAINT work_orders_priority_check CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    ADD CONSTRAINT work_orders_location_check
        CHECK (location[0] BETWEEN -180 AND 180 AND location[1] BETWEEN -90 AND 90),
    ADD CONSTRAINT work_orders_period_check CHECK (completed_at >= started_at),
    ADD CONSTRAINT work_orders_project_fkey FOREIGN KEY (organisation_id, project_id)
        REFERENCES public.projects (organisation_id, id),
    ADD CONSTRAINT work_orders_cable_route_fkey FOREIGN KEY (organisation_id, cable_route_id)
        REFERENCES public.cable_routes (organisation_id, id),
    ADD CONSTRAINT work_orders_work_order_type_fkey FOREIGN KEY (work_order_type_id)
        REFERENCES public.work_order_types (id),
    ADD CONSTRAINT work_orders_assigned_to_fkey FOREIGN KEY (organisation_id, assigned_to)
        REFERENCES public.organisation_members (organisation_id, user_id),
    ADD CONSTRAINT work_orders_created_by_fkey FOREIGN KEY (organisation_id, created_by)
        REFERENCES public.organisation_members (organisation_id, user_id);

ALTER TABLE public.inspections
    ADD CONSTRAINT inspections_organisation_id_key UNIQUE (organisation_id, id),
    ADD CONSTRAINT inspections_result_check
        CHECK (result IN ('pending', 'passed', 'passed_with_remarks', 'failed')),
    ADD CONSTRAINT inspections_inspected_at_check CHECK ((result = 'pending') = (inspected_at IS NULL)),
    ADD CONSTRAINT inspections_findings_check CHECK (jsonb_typeof(findings) = 'array'),
    ADD CONSTRAINT inspections_work_order_fkey FOREIGN KEY (organisation_id, work_order_id)
        REFERENCES public.work_orders (organisation_id, id),
    ADD CONSTRAINT inspections_inspection_template_fkey FOREIGN KEY (inspection_template_id)
        REFERENCES public.inspection_templates (id),
    ADD CONSTRAINT inspections_inspector_fkey FOREIGN KEY (organisation_id, inspector_id)
        REFERENCES public.organisation_members (organisation_id, user_id);

ALTER TABLE public.photos
    ADD CONSTRAINT photos_storage_path_key UNIQUE (storage_path),
    ADD CONSTRAINT photos_storage_path_check CHECK (starts_with(storage_path, organisation_id::text || '/')),
    ADD CONSTRAINT photos_content_type_check
        CHECK (content_type IN ('image/jpeg', 'image/png', 'image/heic', 'image/webp')),
    ADD CONSTRAINT photos_byte_size_check CHECK (byte_size > 0),
    ADD CONSTRAINT photos_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    ADD CONSTRAINT photos_location_check
        CHECK (location[0] BETWEEN -180 AND 180 AND location[1] BETWEEN -90 AND 90),
    ADD CONSTRAINT photos_project_fkey FOREIGN KEY (organisation_id, project_id)
        REFERENCES public.projects (organisation_id, id),
    ADD CONSTRAINT photos_work_order_fkey FOREIGN KEY (organisation_id, work_order_id)
        REFERENCES public.work_orders (organisation_id, id),
    ADD CONSTRAINT photos_inspection_fkey FOREIGN KEY (organisation_id, inspection_id)
        REFERENCES public.inspections (organisation_id, id),
    ADD CONSTRAINT photos_uploaded_by_fkey FOREIGN KEY (organisation_id, uploaded_by)
        REFERENCES public.organisation_members (organisation_id, user_id);

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
CREATE TRIGGER cable_types_set_updated_at BEFORE UPDATE ON public.cable_types
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER work_order_types_set_updated_at BEFORE UPDATE ON public.work_order_types
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER inspection_templates_set_updated_at BEFORE UPDATE ON public.inspection_templates
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER feature_flags_set_updated_at BEFORE UPDATE ON public.feature_flags
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER cable_routes_set_updated_at BEFORE UPDATE ON public.cable_routes
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER work_orders_set_updated_at BEFORE UPDATE ON public.work_orders
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER inspections_set_updated_at BEFORE UPDATE ON public.inspections
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER photos_set_updated_at BEFORE UPDATE ON public.photos
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
-- none: only the owner can read the tables until 003 adds policies

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
DECLARE
    loose text;
BEGIN
    -- A foreign key from one tenant table to another has to carry the organisation.
    SELECT string_agg(k.conname, ', ' ORDER BY k.conname) INTO loose
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_attribute AS mine
        ON mine.attrelid = k.conrelid AND mine.attname = 'organisation_id' AND NOT mine.attisdropped
    JOIN pg_catalog.pg_attribute AS theirs
        ON theirs.attrelid = k.confrelid AND theirs.attname = 'organisation_id' AND NOT theirs.attisdropped
    WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND NOT mine.attnum = ANY (k.conkey);
    IF loose IS NOT NULL THEN
        RAISE EXCEPTION '002_extended_schema: foreign keys without the organisation: %', loose;
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('002_extended_schema.sql');

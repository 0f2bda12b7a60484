-- Migration: 001_initial_schema
-- Version: 1.0.0
-- Description: Organisations, people, memberships with roles, and projects
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-01-12
-- Author: Anna Lindqvist <anna.lindqvist@constructtrack.example>
--
-- Dependencies: None
-- Estimated Execution Time: under 1 second
-- Impact: creates new tables only; no blocking

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF current_setting('server_version_num')::integer < 140000 THEN
        RAISE EXCEPTION '001_initial_schema: PostgreSQL 14 or newer is needed, this is %',
            current_setting('server_version');
    END IF;
    IF NOT has_schema_privilege('public', 'CREATE') THEN
        RAISE EXCEPTION '001_initial_schema: % may not create tables in schema public', current_user;
    END IF;
    IF to_regclass('public.organisations') IS NOT NULL OR to_regclass('public.projects') IS NOT NULL THEN
        RAISE EXCEPTION '001_initial_schema: tables of ConstructTrack exist already; baseline this database instead';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
CREATE SCHEMA app;
COMMENT ON SCHEMA app IS 'Functions and bookkeeping of the application; not exposed by the API.';

-- The order of the labels is the order of power: role >= 'manager' is a fair question.
CREATE TYPE public.member_role AS ENUM ('viewer', 'technician', 'manager', 'admin', 'owner');
COMMENT ON TYPE public.member_role IS 'What a member may do in an organisation, from least to most.';

CREATE TABLE public.organisations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    slug text NOT NULL,
    country_code text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.organisations IS
    'A company that builds or operates fibre networks: the tenant.';
COMMENT ON COLUMN public.organisations.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.organisations.name IS 'Name as the company writes it.';
COMMENT ON COLUMN public.organisations.slug IS 'Short name in addresses: lower case letters, digits and hyphens.';
COMMENT ON COLUMN public.organisations.country_code IS 'ISO 3166-1 alpha-2 code of the country whose rules apply.';
COMMENT ON COLUMN public.organisations.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.organisations.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.users (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    full_name text NOT NULL,
    phone text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.users IS
    'A person who signs in. The identity provider owns the identity; this is the profile.';
COMMENT ON COLUMN public.users.id IS 'Subject of the person''s token, chosen by the identity provider.';
COMMENT ON COLUMN public.users.email IS 'Address the identity provider has confirmed.';
COMMENT ON COLUMN public.users.full_name IS 'Name as shown to colleagues.';
COMMENT ON COLUMN public.users.phone IS 'Number for calls from the site, in E.164 form.';
COMMENT ON COLUMN public.users.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.users.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.organisation_members (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role public.member_role NOT NULL,
    joined_at timestamptz NOT NULL DEFAULT now(),
    left_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.organisation_members IS
    'Who belongs to which organisation, and with which role. Ended memberships are kept.';
COMMENT ON COLUMN public.organisation_members.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.organisation_members.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.organisation_members.user_id IS 'The person.';
COMMENT ON COLUMN public.organisation_members.role IS 'What the person may do in this organisation.';
COMMENT ON COLUMN public.organisation_members.joined_at IS 'When the membership began.';
COMMENT ON COLUMN public.organisation_members.left_at IS 'When the membership ended; NULL while it lasts.';
COMMENT ON COLUMN public.organisation_members.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.organisation_members.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.projects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'planning',
    area polygon,
    starts_on date,
    ends_on date,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.projects IS
    'A stretch of network that is built under one contract.';
COMMENT ON COLUMN public.projects.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.projects.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.projects.code IS 'Number of the project in the organisation''s own books.';
COMMENT ON COLUMN public.projects.name IS 'What people call it.';
COMMENT ON COLUMN public.projects.status IS 'planning, active, on_hold, completed or cancelled.';
COMMENT ON COLUMN public.projects.area IS 'Outline of the site; points are (longitude, latitude) in WGS 84.';
COMMENT ON COLUMN public.projects.starts_on IS 'First day on site, as planned.';
COMMENT ON COLUMN public.projects.ends_on IS 'Day of hand-over, as planned.';
COMMENT ON COLUMN public.projects.created_by IS 'The member who opened the project.';
COMMENT ON COLUMN public.projects.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.projects.updated_at IS 'When the row was changed last; set by trigger.';

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: the tables start empty

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
CREATE UNIQUE INDEX users_email_key ON public.users (lower(email));
CREATE INDEX organisation_members_user_id_idx ON public.organisation_members (user_id);
CREATE INDEX projects_created_by_idx ON public.projects (organisation_id, created_by);

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
-- (organisation_id, id) is unique so that other tables can refer to both columns at once: foreign keys are checked
-- without row-level security, and only a key that carries the organisation cannot point into another one.
ALTER TABLE public.organisations
    ADD CONSTRAINT organisations_slug_key UNIQUE (slug),
    ADD CONSTRAINT organisations_name_check CHECK (btrim(name) <> ''),
    ADD CONSTRAINT organisations_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    ADD CONSTRAINT organisations_country_code_check CHECK (country_code ~ '^[A-Z]{2}$');

ALTER TABLE public.users
    ADD CONSTRAINT users_email_check CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
    ADD CONSTRAINT users_full_name_check CHECK (btrim(full_name) <> ''),
    ADD CONSTRAINT users_phone_check CHECK (phone ~ '^[+][1-9][0-9]{6,14}$');

ALTER TABLE public.organisation_members
    ADD CONSTRAINT organisation_members_user_key UNIQUE (organisation_id, user_id),
    ADD CONSTRAINT organisation_members_period_check CHECK (left_at >= joined_at),
    ADD CONSTRAINT organisation_members_organisation_fkey
        FOREIGN KEY (organisation_id) REFERENCES public.organisations (id) ON DELETE CASCADE,
    ADD CONSTRAINT organisation_members_user_fkey FOREIGN KEY (user_id) REFERENCES public.users (id);

ALTER TABLE public.projects
    ADD CONSTRAINT projects_organisation_id_key UNIQUE (organisation_id, id),
    ADD CONSTRAINT projects_code_key UNIQUE (organisation_id, code),
    ADD CONSTRAINT projects_name_check CHECK (btrim(name) <> ''),
    ADD CONSTRAINT projects_status_check
        CHECK (status IN ('planning', 'active', 'on_hold', 'completed', 'cancelled')),
    ADD CONSTRAINT projects_period_check CHECK (ends_on >= starts_on),
    ADD CONSTRAINT projects_organisation_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisations (id),
    ADD CONSTRAINT projects_created_by_fkey FOREIGN KEY (organisation_id, created_by)
        REFERENCES public.organisation_members (organisation_id, user_id);

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
-- An update that changes nothing keeps its time. The rows are compared as stored (*<>), because geometric types have
-- no equality that IS DISTINCT FROM could use.
CREATE FUNCTION app.set_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF NEW *<> OLD THEN
        NEW.updated_at := now();
    END IF;
    RETURN NEW;
END
$body$;
COMMENT ON FUNCTION app.set_updated_at() IS 'Trigger: keeps updated_at, which no client needs to send.';

CREATE TRIGGER organisations_set_updated_at BEFORE UPDATE ON public.organisations
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER users_set_updated_at BEFORE UPDATE ON public.users
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER organisation_members_set_updated_at BEFORE UPDATE ON public.organisation_members
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER projects_set_updated_at BEFORE UPDATE ON public.projects
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
-- Only the owner can read the tables until 003 adds policies.
REVOKE ALL ON FUNCTION app.set_updated_at() FROM PUBLIC;

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
DECLARE
    found integer;
BEGIN
    SELECT count(*) INTO found FROM pg_catalog.pg_trigger
    WHERE tgname LIKE '%\_set\_updated\_at' AND NOT tgisinternal AND tgrelid IN (
        'public.organisations'::regclass, 'public.users'::regclass,
        'public.organisation_members'::regclass, 'public.projects'::regclass);
    IF found <> 4 THEN
        RAISE EXCEPTION '001_initial_schema: % of 4 tables keep updated_at', found;
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('001_initial_schema.sql');

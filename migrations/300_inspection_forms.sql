-- Migration: 300_inspection_forms
-- Version: 2.1.0
-- Description: Forms of an organisation's own, filled in on site and checked for completeness when sent
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-04-13
-- Author: David Okafor <david.okafor@constructtrack.example>
--
-- Dependencies: 001, 002, 003
-- Estimated Execution Time: under 1 second
-- Impact: SHARE ROW EXCLUSIVE on organisations, organisation_members, work_orders: writers wait for milliseconds

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regclass('public.work_orders') IS NULL THEN
        RAISE EXCEPTION '300_inspection_forms: table public.work_orders is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.organisations_with_role(public.member_role)') IS NULL THEN
        RAISE EXCEPTION '300_inspection_forms: function app.organisations_with_role(public.member_role) is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.current_user_id()') IS NULL THEN
        RAISE EXCEPTION '300_inspection_forms: function app.current_user_id() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.set_updated_at()') IS NULL THEN
        RAISE EXCEPTION '300_inspection_forms: function app.set_updated_at() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.forms') IS NOT NULL THEN
        RAISE EXCEPTION '300_inspection_forms: public.forms exists already'
            USING HINT = 'Somebody made it outside of the migrations: compare it, then drop or rename it.';
    END IF;
    IF to_regclass('public.form_submissions') IS NOT NULL THEN
        RAISE EXCEPTION '300_inspection_forms: public.form_submissions exists already'
            USING HINT = 'Somebody made it outside of the migrations: compare it, then drop or rename it.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
CREATE TABLE public.forms (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    code text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    title text NOT NULL,
    fields jsonb NOT NULL,
    published_at timestamptz,
    created_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.forms IS
    'A form the organisation designed: what its crews fill in on site.';
COMMENT ON COLUMN public.forms.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.forms.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.forms.code IS 'Name that stays the same from version to version.';
COMMENT ON COLUMN public.forms.version IS 'Version of the form; a published one is not changed, it gets a successor.';
COMMENT ON COLUMN public.forms.title IS 'Heading on the screen.';
COMMENT ON COLUMN public.forms.fields IS 'Array of objects: key, label, type, required.';
COMMENT ON COLUMN public.forms.published_at IS 'Since when it can be filled in; NULL for a draft.';
COMMENT ON COLUMN public.forms.created_by IS 'The member who designed it.';
COMMENT ON COLUMN public.forms.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.forms.updated_at IS 'When the row was changed last; set by trigger.';

CREATE TABLE public.form_submissions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    form_id uuid NOT NULL,
    work_order_id uuid,
    answers jsonb NOT NULL DEFAULT '{}',
    submitted_by uuid NOT NULL,
    submitted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.form_submissions IS
    'A form that somebody filled in.';
COMMENT ON COLUMN public.form_submissions.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.form_submissions.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.form_submissions.form_id IS 'The form, in its version.';
COMMENT ON COLUMN public.form_submissions.work_order_id IS 'The work it is about, if any.';
COMMENT ON COLUMN public.form_submissions.answers IS 'Object with the keys of the form''s fields.';
COMMENT ON COLUMN public.form_submissions.submitted_by IS 'The member who filled it in.';
COMMENT ON COLUMN public.form_submissions.submitted_at IS
    'When it was sent; NULL for a draft, which may be incomplete.';
COMMENT ON COLUMN public.form_submissions.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.form_submissions.updated_at IS 'When the row was changed last; set by trigger.';

ALTER TABLE public.forms ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.form_submissions ENABLE ROW LEVEL SECURITY;

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: every organisation designs its own forms

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
CREATE INDEX forms_created_by_idx ON public.forms (organisation_id, created_by);
CREATE INDEX form_submissions_form_id_idx ON public.form_submissions (organisation_id, form_id, submitted_at);
CREATE INDEX form_submissions_work_order_id_idx ON public.form_submissions (organisation_id, work_order_id);
CREATE INDEX form_submissions_submitted_by_idx ON public.form_submissions (organisation_id, submitted_by);

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
ALTER TABLE public.forms
    ADD CONSTRAINT forms_organisation_id_key UNIQUE (organisation_id, id),
    ADD CONSTRAINT forms_version_key UNIQUE (organisation_id, code, version),
    ADD CONSTRAINT forms_code_check CHECK (code ~ '^[a-z][a-z0-9_]*$'),
    ADD CONSTRAINT forms_version_check CHECK (version >= 1),
    ADD CONSTRAINT forms_fields_check CHECK (jsonb_typeof(fields) = 'array' AND fields <> '[]'::jsonb),
    ADD CONSTRAINT forms_organisation_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisations (id),
    ADD CONSTRAINT forms_created_by_fkey FOREIGN KEY (organisation_id, created_by)
        REFERENCES public.organisation_members (organisation_id, user_id);

ALTER TABLE public.form_submissions
    ADD CONSTRAINT form_submissions_answers_check CHECK (jsonb_typeof(answers) = 'object'),
    ADD CONSTRAINT form_submissions_form_fkey FOREIGN KEY (organisation_id, form_id)
        REFERENCES public.forms (organisation_id, id),
    ADD CONSTRAINT form_submissions_work_order_fkey FOREIGN KEY (organisation_id, work_order_id)
        REFERENCES public.work_orders (organisation_id, id),
    ADD CONSTRAINT form_submissions_submitted_by_fkey FOREIGN KEY (organisation_id, submitted_by)
        REFERENCES public.organisation_members (organisation_id, user_id);

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
CREATE TRIGGER forms_set_updated_at BEFORE UPDATE ON public.forms
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();
CREATE TRIGGER form_submissions_set_updated_at BEFORE UPDATE ON public.form_submissions
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();

CREATE FUNCTION app.missing_answers(fields jsonb, answers jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT coalesce(array_agg(field ->> 'key' ORDER BY n), '{}')
    FROM jsonb_array_elements(fields) WITH ORDINALITY AS f (field, n)
    WHERE field -> 'required' = 'true'::jsonb
        AND coalesce(answers -> (field ->> 'key'), 'null'::jsonb) IN ('null'::jsonb, '""'::jsonb)
$body$;
COMMENT ON FUNCTION app.missing_answers(jsonb, jsonb) IS 'Keys of the required fields that have no answer.';

-- Fires after the row passed the policies, so it says nothing about forms of other organisations.
CREATE FUNCTION app.check_submission() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    form public.forms;
    missing text[];
BEGIN
    SELECT f.* INTO form FROM public.forms AS f WHERE f.organisation_id = NEW.organisation_id AND f.id = NEW.form_id;
    missing := app.missing_answers(form.fields, NEW.answers);
    IF form.published_at IS NULL THEN
        RAISE EXCEPTION 'the form is not published' USING ERRCODE = 'check_violation';
    ELSIF cardinality(missing) > 0 THEN
        RAISE EXCEPTION 'the form is not complete: %', array_to_string(missing, ', ')
            USING ERRCODE = 'check_violation', HINT = 'Leave submitted_at empty to save a draft.';
    END IF;
    RETURN NULL;
END
$body$;
COMMENT ON FUNCTION app.check_submission() IS 'Trigger: what is sent is complete, and of a published form.';

CREATE TRIGGER form_submissions_check_submission AFTER INSERT OR UPDATE ON public.form_submissions
    FOR EACH ROW WHEN (NEW.submitted_at IS NOT NULL) EXECUTE FUNCTION app.check_submission();

CREATE FUNCTION app.keep_published_form() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RAISE EXCEPTION 'form % version % is published', OLD.code, OLD.version
        USING ERRCODE = 'check_violation', HINT = 'Publish the changed form as the next version.';
END
$body$;
COMMENT ON FUNCTION app.keep_published_form() IS 'Trigger: a published form stays as it was when it was filled in.';

CREATE TRIGGER forms_keep_published_form BEFORE UPDATE ON public.forms
    FOR EACH ROW WHEN (OLD.published_at IS NOT NULL AND (OLD.fields, OLD.code, OLD.version)
        IS DISTINCT FROM (NEW.fields, NEW.code, NEW.version)) EXECUTE FUNCTION app.keep_published_form();

CREATE POLICY forms_read ON public.forms
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));
CREATE POLICY form_submissions_read ON public.form_submissions
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('viewer'))));

CREATE POLICY forms_insert ON public.forms
    FOR INSERT TO authenticated
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))));
CREATE POLICY forms_update ON public.forms
    FOR UPDATE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))))
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager'))));
CREATE POLICY forms_delete ON public.forms
    FOR DELETE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))));

-- A technician writes their own submissions until they are sent; after that a manager has to.
CREATE POLICY form_submissions_insert ON public.form_submissions
    FOR INSERT TO authenticated
    WITH CHECK (submitted_by = (SELECT app.current_user_id())
        AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician'))));
CREATE POLICY form_submissions_update ON public.form_submissions
    FOR UPDATE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager')))
        OR (submitted_by = (SELECT app.current_user_id()) AND submitted_at IS NULL
            AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician')))))
    WITH CHECK (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager')))
        OR (submitted_by = (SELECT app.current_user_id())
            AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician')))));
CREATE POLICY form_submissions_delete ON public.form_submissions
    FOR DELETE TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('manager')))
        OR (submitted_by = (SELECT app.current_user_id()) AND submitted_at IS NULL
            AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('technician')))));

CREATE POLICY forms_service ON public.forms
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);
CREATE POLICY form_submissions_service ON public.form_submissions
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
GRANT SELECT, INSERT, UPDATE, DELETE ON public.forms, public.form_submissions TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.forms, public.form_submissions TO service_role;
REVOKE ALL ON FUNCTION app.missing_answers(jsonb, jsonb) FROM PUBLIC;
REVOKE ALL ON FUNCTION app.check_submission() FROM PUBLIC;
REVOKE ALL ON FUNCTION app.keep_published_form() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.missing_answers(jsonb, jsonb) TO authenticated, service_role;

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
DECLARE
    unguarded text;
BEGIN
    SELECT string_agg(c.relname, ', ' ORDER BY c.relname) INTO unguarded
    FROM pg_catalog.pg_class AS c
    WHERE c.oid IN ('public.forms'::regclass, 'public.form_submissions'::regclass)
        AND NOT (c.relrowsecurity AND EXISTS (
            SELECT FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid AND p.polcmd = 'r'));
    IF unguarded IS NOT NULL THEN
        RAISE EXCEPTION '300_inspection_forms: tables without row-level security: %', unguarded;
    END IF;
    IF app.missing_answers('[{"key": "depth", "required": true}, {"key": "remark"}]', '{"depth": ""}') <> '{depth}' THEN
        RAISE EXCEPTION '300_inspection_forms: an empty answer to a required question is not noticed';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('300_inspection_forms.sql');

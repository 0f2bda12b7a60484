-- Migration: 100_member_invitations
-- Version: 1.6.0
-- Description: Members invite others by e-mail, and people join by accepting
-- Breaking Changes: No
-- Rollback: Available
-- Created: 2026-03-09
-- Author: David Okafor <david.okafor@constructtrack.example>
--
-- Dependencies: 001, 003, 007
-- Estimated Execution Time: under 1 second
-- Impact: SHARE ROW EXCLUSIVE on organisation_members: its writers wait for milliseconds

-- ----------------------------------------------------------------------------
-- 1. Pre-checks
-- ----------------------------------------------------------------------------
DO $check$
BEGIN
    IF to_regclass('public.organisation_members') IS NULL THEN
        RAISE EXCEPTION '100_member_invitations: table public.organisation_members is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.organisations_with_role(public.member_role)') IS NULL THEN
        RAISE EXCEPTION '100_member_invitations: function app.organisations_with_role(public.member_role) is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.current_user_id()') IS NULL THEN
        RAISE EXCEPTION '100_member_invitations: function app.current_user_id() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.set_updated_at()') IS NULL THEN
        RAISE EXCEPTION '100_member_invitations: function app.set_updated_at() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regprocedure('app.keep_an_owner()') IS NULL THEN
        RAISE EXCEPTION '100_member_invitations: function app.keep_an_owner() is missing'
            USING HINT = 'Apply the migrations named under Dependencies first.';
    END IF;
    IF to_regclass('public.member_invitations') IS NOT NULL THEN
        RAISE EXCEPTION '100_member_invitations: public.member_invitations exists already'
            USING HINT = 'Somebody made it outside of the migrations: compare it, then drop or rename it.';
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 2. Tables, types and columns (DDL)
-- ----------------------------------------------------------------------------
CREATE TABLE public.member_invitations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL,
    email text NOT NULL,
    role public.member_role NOT NULL,
    token_sha256 bytea NOT NULL,
    invited_by uuid NOT NULL,
    expires_at timestamptz NOT NULL DEFAULT now() + interval '7 days',
    accepted_at timestamptz,
    accepted_by uuid,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.member_invitations IS
    'An offer to join an organisation, sent by e-mail.';
COMMENT ON COLUMN public.member_invitations.id IS 'Surrogate key; clients that work offline may choose it.';
COMMENT ON COLUMN public.member_invitations.organisation_id IS
    'The organisation that owns the row; row-level security rests on it.';
COMMENT ON COLUMN public.member_invitations.email IS
    'Address it was sent to; only the person with this address can accept.';
COMMENT ON COLUMN public.member_invitations.role IS 'Role the person will have.';
COMMENT ON COLUMN public.member_invitations.token_sha256 IS
    'Checksum of the secret in the e-mail; the secret itself is not kept.';
COMMENT ON COLUMN public.member_invitations.invited_by IS 'The member who invites.';
COMMENT ON COLUMN public.member_invitations.expires_at IS 'Until when it can be accepted.';
COMMENT ON COLUMN public.member_invitations.accepted_at IS 'When it was accepted.';
COMMENT ON COLUMN public.member_invitations.accepted_by IS 'The person who accepted.';
COMMENT ON COLUMN public.member_invitations.revoked_at IS 'When it was taken back.';
COMMENT ON COLUMN public.member_invitations.created_at IS 'When the row was written first.';
COMMENT ON COLUMN public.member_invitations.updated_at IS 'When the row was changed last; set by trigger.';

ALTER TABLE public.member_invitations ENABLE ROW LEVEL SECURITY;

-- ----------------------------------------------------------------------------
-- 3. Data (DML)
-- ----------------------------------------------------------------------------
-- none: invitations begin with this table

-- ----------------------------------------------------------------------------
-- 4. Indexes
-- ----------------------------------------------------------------------------
CREATE INDEX member_invitations_invited_by_idx ON public.member_invitations (organisation_id, invited_by);
CREATE INDEX member_invitations_accepted_by_idx ON public.member_invitations (accepted_by);
CREATE UNIQUE INDEX member_invitations_open_key ON public.member_invitations (organisation_id, lower(email))
    WHERE accepted_at IS NULL AND revoked_at IS NULL;

-- ----------------------------------------------------------------------------
-- 5. Constraints
-- ----------------------------------------------------------------------------
ALTER TABLE public.member_invitations
    ADD CONSTRAINT member_invitations_token_key UNIQUE (token_sha256),
    ADD CONSTRAINT member_invitations_token_check CHECK (length(token_sha256) = 32),
    ADD CONSTRAINT member_invitations_email_check CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
    ADD CONSTRAINT member_invitations_expires_at_check CHECK (expires_at > created_at),
    ADD CONSTRAINT member_invitations_accepted_check CHECK ((accepted_at IS NULL) = (accepted_by IS NULL)),
    ADD CONSTRAINT member_invitations_end_check CHECK (accepted_at IS NULL OR revoked_at IS NULL),
    ADD CONSTRAINT member_invitations_organisation_fkey
        FOREIGN KEY (organisation_id) REFERENCES public.organisations (id) ON DELETE CASCADE,
    ADD CONSTRAINT member_invitations_invited_by_fkey FOREIGN KEY (organisation_id, invited_by)
        REFERENCES public.organisation_members (organisation_id, user_id),
    ADD CONSTRAINT member_invitations_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES public.users (id);

-- ----------------------------------------------------------------------------
-- 6. Functions and views
-- ----------------------------------------------------------------------------
CREATE TRIGGER member_invitations_set_updated_at BEFORE UPDATE ON public.member_invitations
    FOR EACH ROW EXECUTE FUNCTION app.set_updated_at();

-- The one way for a user to become a member. SECURITY DEFINER: the person is not a member yet, so no policy lets them.
-- Whatever is wrong, the answer is the same: somebody who guesses learns nothing.
CREATE FUNCTION public.accept_invitation(token text) RETURNS uuid
LANGUAGE plpgsql STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    person public.users;
    offer public.member_invitations;
BEGIN
    SELECT u.* INTO person FROM public.users AS u WHERE u.id = app.current_user_id();
    SELECT i.* INTO offer
    FROM public.member_invitations AS i
    WHERE i.token_sha256 = sha256(convert_to(token, 'UTF8')) AND lower(i.email) = lower(person.email)
        AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
    FOR UPDATE;
    IF offer.id IS NULL THEN
        RAISE EXCEPTION 'there is no such invitation for you' USING ERRCODE = 'insufficient_privilege';
    END IF;

    -- Who is a member already keeps the role they have; who has left comes back with the new one.
    INSERT INTO public.organisation_members AS m (organisation_id, user_id, role)
    VALUES (offer.organisation_id, person.id, offer.role)
    ON CONFLICT (organisation_id, user_id) DO UPDATE SET role = excluded.role, joined_at = now(), left_at = NULL
    WHERE m.left_at IS NOT NULL;

    UPDATE public.member_invitations SET accepted_at = now(), accepted_by = person.id WHERE id = offer.id;
    RETURN offer.organisation_id;
END
$body$;
COMMENT ON FUNCTION public.accept_invitation(text) IS
    'The current user joins the organisation that sent this token; returns its id.';

-- As with members (007): up to admin by admins, owners by owners. Nobody invites in somebody else's name.
CREATE POLICY member_invitations_read ON public.member_invitations
    FOR SELECT TO authenticated
    USING (organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))));
CREATE POLICY member_invitations_insert ON public.member_invitations
    FOR INSERT TO authenticated
    WITH CHECK (invited_by = (SELECT app.current_user_id())
        AND ((role < 'owner' AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))))
            OR organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('owner')))));
CREATE POLICY member_invitations_update ON public.member_invitations
    FOR UPDATE TO authenticated
    USING ((role < 'owner' AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))))
        OR organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('owner'))))
    WITH CHECK ((role < 'owner' AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))))
        OR organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('owner'))));
CREATE POLICY member_invitations_delete ON public.member_invitations
    FOR DELETE TO authenticated
    USING ((role < 'owner' AND organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('admin'))))
        OR organisation_id = ANY (ARRAY(SELECT app.organisations_with_role('owner'))));
CREATE POLICY member_invitations_service ON public.member_invitations
    FOR ALL TO service_role
    USING (true)
    WITH CHECK (true);

-- ----------------------------------------------------------------------------
-- 7. Grants
-- ----------------------------------------------------------------------------
-- What can be changed afterwards is whether and until when it counts, not to whom it went and what it offers.
GRANT SELECT, INSERT, DELETE, UPDATE (expires_at, revoked_at) ON public.member_invitations TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.member_invitations TO service_role;
REVOKE ALL ON FUNCTION public.accept_invitation(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.accept_invitation(text) TO authenticated;

-- ----------------------------------------------------------------------------
-- 8. Validation
-- ----------------------------------------------------------------------------
DO $check$
DECLARE
    unguarded text;
BEGIN
    SELECT string_agg(c.relname, ', ' ORDER BY c.relname) INTO unguarded
    FROM pg_catalog.pg_class AS c
    WHERE c.oid IN ('public.member_invitations'::regclass)
        AND NOT (c.relrowsecurity AND EXISTS (
            SELECT FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid AND p.polcmd = 'r'));
    IF unguarded IS NOT NULL THEN
        RAISE EXCEPTION '100_member_invitations: tables without row-level security: %', unguarded;
    END IF;
END
$check$;

-- ----------------------------------------------------------------------------
-- 9. Recording
-- ----------------------------------------------------------------------------
SELECT record_migration('100_member_invitations.sql');

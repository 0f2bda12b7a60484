-- Rolls back 001_initial_schema.
-- All organisations, people, memberships and projects go with it.
DROP TABLE public.projects;
DROP TABLE public.organisation_members;
DROP TABLE public.users;
DROP TABLE public.organisations;
DROP TYPE public.member_role;
DROP FUNCTION app.set_updated_at();
DROP SCHEMA app;

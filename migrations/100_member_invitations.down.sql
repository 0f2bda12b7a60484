-- Rolls back 100_member_invitations.
-- Open invitations are lost; memberships that came of accepted ones stay.
DROP FUNCTION public.accept_invitation(text);
DROP TABLE public.member_invitations;

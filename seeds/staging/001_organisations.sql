-- Two organisations with their people. Fixed ids: the other files, and tests, refer to them.
-- A row that is there already stays as it is, so that what somebody tries out survives the next run.
INSERT INTO public.organisations (id, name, slug, country_code) VALUES
    ('5a000000-0000-4000-8000-000000000001', 'Acceptance North GmbH', 'acceptance-north', 'DE'),
    ('5a000000-0000-4000-8000-000000000002', 'Acceptance South SARL', 'acceptance-south', 'FR')
ON CONFLICT DO NOTHING;

INSERT INTO public.users (id, email, full_name, phone) VALUES
    ('5a000100-0000-4000-8000-000000000001', 'ida.brandt@acceptance-north.staging.example', 'Ida Brandt',
        '+49151555001'),
    ('5a000100-0000-4000-8000-000000000002', 'jonas.keller@acceptance-north.staging.example', 'Jonas Keller',
        '+49151555002'),
    ('5a000100-0000-4000-8000-000000000003', 'pia.vogel@acceptance-north.staging.example', 'Pia Vogel',
        '+49151555003'),
    ('5a000200-0000-4000-8000-000000000001', 'luc.martin@acceptance-south.staging.example', 'Luc Martin',
        '+33655550101'),
    ('5a000200-0000-4000-8000-000000000002', 'eva.roux@acceptance-south.staging.example', 'Eva Roux',
        '+33655550102')
ON CONFLICT DO NOTHING;

INSERT INTO public.organisation_members (id, organisation_id, user_id, role, joined_at) VALUES
    ('5a000201-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000001',
        '5a000100-0000-4000-8000-000000000001', 'owner', '2026-01-15 08:00+00'),
    ('5a000201-0000-4000-8000-000000000002', '5a000000-0000-4000-8000-000000000001',
        '5a000100-0000-4000-8000-000000000002', 'manager', '2026-01-15 08:00+00'),
    ('5a000201-0000-4000-8000-000000000003', '5a000000-0000-4000-8000-000000000001',
        '5a000100-0000-4000-8000-000000000003', 'technician', '2026-01-15 08:00+00'),
    ('5a000202-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000002',
        '5a000200-0000-4000-8000-000000000001', 'owner', '2026-01-15 08:00+00'),
    ('5a000202-0000-4000-8000-000000000002', '5a000000-0000-4000-8000-000000000002',
        '5a000200-0000-4000-8000-000000000002', 'technician', '2026-01-15 08:00+00')
ON CONFLICT DO NOTHING;

-- The secrets of these invitations are in the text: they open nothing outside of this environment.
INSERT INTO public.member_invitations
    (id, organisation_id, email, role, token_sha256, invited_by, created_at, expires_at)
VALUES
    ('5a000300-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000001',
        'new.technician@acceptance-north.staging.example', 'technician', sha256('staging token 1'),
        '5a000100-0000-4000-8000-000000000001', '2026-05-01 08:00+00', '2036-05-01 08:00+00'),
    ('5a000300-0000-4000-8000-000000000002', '5a000000-0000-4000-8000-000000000002',
        'new.technician@acceptance-south.staging.example', 'technician', sha256('staging token 2'),
        '5a000200-0000-4000-8000-000000000001', '2026-05-01 08:00+00', '2036-05-01 08:00+00')
ON CONFLICT DO NOTHING;

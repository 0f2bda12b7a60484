-- Two organisations with their people. Fixed ids: the other files, and tests, refer to them.
-- A row that is there already stays as it is, so that what somebody tries out survives the next run.
INSERT INTO public.organisations (id, name, slug, country_code) VALUES
    ('d0000000-0000-4000-8000-000000000001', 'Nordfiber Bygg AB', 'nordfiber', 'SE'),
    ('d0000000-0000-4000-8000-000000000002', 'Bluegrass Fiber Co', 'bluegrass', 'US')
ON CONFLICT DO NOTHING;

INSERT INTO public.users (id, email, full_name, phone) VALUES
    ('d0000100-0000-4000-8000-000000000001', 'karin.holm@nordfiber.dev.example', 'Karin Holm', '+46701555001'),
    ('d0000100-0000-4000-8000-000000000002', 'erik.sand@nordfiber.dev.example', 'Erik Sand', '+46701555002'),
    ('d0000100-0000-4000-8000-000000000003', 'maja.lund@nordfiber.dev.example', 'Maja Lund', '+46701555003'),
    ('d0000100-0000-4000-8000-000000000004', 'oskar.vik@nordfiber.dev.example', 'Oskar Vik', '+46701555004'),
    ('d0000100-0000-4000-8000-000000000005', 'lena.dahl@nordfiber.dev.example', 'Lena Dahl', '+46701555005'),
    ('d0000200-0000-4000-8000-000000000001', 'grace.miller@bluegrass.dev.example', 'Grace Miller', '+15025550101'),
    ('d0000200-0000-4000-8000-000000000002', 'omar.haddad@bluegrass.dev.example', 'Omar Haddad', '+15025550102'),
    ('d0000200-0000-4000-8000-000000000003', 'ruth.allen@bluegrass.dev.example', 'Ruth Allen', '+15025550103'),
    ('d0000200-0000-4000-8000-000000000004', 'tyler.nguyen@bluegrass.dev.example', 'Tyler Nguyen', '+15025550104'),
    ('d0000200-0000-4000-8000-000000000005', 'joan.price@bluegrass.dev.example', 'Joan Price', '+15025550105')
ON CONFLICT DO NOTHING;

INSERT INTO public.organisation_members (id, organisation_id, user_id, role, joined_at) VALUES
    ('d0000201-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000001',
        'd0000100-0000-4000-8000-000000000001', 'owner', '2026-01-15 08:00+00'),
    ('d0000201-0000-4000-8000-000000000002', 'd0000000-0000-4000-8000-000000000001',
        'd0000100-0000-4000-8000-000000000002', 'admin', '2026-01-15 08:00+00'),
    ('d0000201-0000-4000-8000-000000000003', 'd0000000-0000-4000-8000-000000000001',
        'd0000100-0000-4000-8000-000000000003', 'manager', '2026-01-15 08:00+00'),
    ('d0000201-0000-4000-8000-000000000004', 'd0000000-0000-4000-8000-000000000001',
        'd0000100-0000-4000-8000-000000000004', 'technician', '2026-01-15 08:00+00'),
    ('d0000201-0000-4000-8000-000000000005', 'd0000000-0000-4000-8000-000000000001',
        'd0000100-0000-4000-8000-000000000005', 'viewer', '2026-01-15 08:00+00'),
    ('d0000202-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000002',
        'd0000200-0000-4000-8000-000000000001', 'owner', '2026-01-15 08:00+00'),
    ('d0000202-0000-4000-8000-000000000002', 'd0000000-0000-4000-8000-000000000002',
        'd0000200-0000-4000-8000-000000000002', 'admin', '2026-01-15 08:00+00'),
    ('d0000202-0000-4000-8000-000000000003', 'd0000000-0000-4000-8000-000000000002',
        'd0000200-0000-4000-8000-000000000003', 'manager', '2026-01-15 08:00+00'),
    ('d0000202-0000-4000-8000-000000000004', 'd0000000-0000-4000-8000-000000000002',
        'd0000200-0000-4000-8000-000000000004', 'technician', '2026-01-15 08:00+00'),
    ('d0000202-0000-4000-8000-000000000005', 'd0000000-0000-4000-8000-000000000002',
        'd0000200-0000-4000-8000-000000000005', 'viewer', '2026-01-15 08:00+00')
ON CONFLICT DO NOTHING;

-- The secrets of these invitations are in the text: they open nothing outside of this environment.
INSERT INTO public.member_invitations
    (id, organisation_id, email, role, token_sha256, invited_by, created_at, expires_at)
VALUES
    ('d0000300-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000001',
        'nils.berg@nordfiber.dev.example', 'technician', sha256('development token 1'),
        'd0000100-0000-4000-8000-000000000001', '2026-05-01 08:00+00', '2036-05-01 08:00+00'),
    ('d0000300-0000-4000-8000-000000000002', 'd0000000-0000-4000-8000-000000000002',
        'sam.reed@bluegrass.dev.example', 'technician', sha256('development token 2'),
        'd0000200-0000-4000-8000-000000000001', '2026-05-01 08:00+00', '2036-05-01 08:00+00')
ON CONFLICT DO NOTHING;

-- Work in four states, an inspection with a remark, a picture, and a form that was filled in.
INSERT INTO public.work_orders
    (id, organisation_id, project_id, cable_route_id, work_order_type_id, reference, title, status, hold_reason,
     priority, location, assigned_to, scheduled_for, due_on, started_at, completed_at, created_by)
SELECT w.id::uuid, w.organisation_id::uuid, w.project_id::uuid, w.cable_route_id::uuid, t.id, w.reference, w.title,
    w.status::public.work_order_status, w.hold_reason, w.priority, w.location::point, w.assigned_to::uuid,
    w.scheduled_for::date, w.due_on::date, w.started_at::timestamptz, w.completed_at::timestamptz,
        w.created_by::uuid
FROM (VALUES
    ('5a000901-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000001',
        '5a000401-0000-4000-8000-000000000001', '5a000501-0000-4000-8000-000000000001', 'splicing', 'WO-1040',
        'Splice the first tube of F1 to D1-01', 'completed', NULL,
        'normal', '(7.8511,48.0005)', '5a000100-0000-4000-8000-000000000003', '2026-05-12', '2026-05-15',
        '2026-05-12 08:10+00', '2026-05-12 11:40+00', '5a000100-0000-4000-8000-000000000002'),
    ('5a000901-0000-4000-8000-000000000002', '5a000000-0000-4000-8000-000000000001',
        '5a000401-0000-4000-8000-000000000001', '5a000501-0000-4000-8000-000000000001', 'otdr_testing', 'WO-1041',
        'Measure F1 from both ends at 1550 nm', 'in_progress', NULL,
        'high', '(7.8421,47.9990)', '5a000100-0000-4000-8000-000000000003', '2026-05-13', '2026-05-20',
        '2026-05-13 09:45+00', NULL, '5a000100-0000-4000-8000-000000000002'),
    ('5a000901-0000-4000-8000-000000000003', '5a000000-0000-4000-8000-000000000001',
        '5a000401-0000-4000-8000-000000000001', '5a000501-0000-4000-8000-000000000003', 'trenching', 'WO-1042',
        'Open the footway for D1-02', 'on_hold', 'permit of the road authority',
        'normal', '(7.8561,47.9995)', '5a000100-0000-4000-8000-000000000003', '2026-05-18', '2026-05-29', NULL,
        NULL, '5a000100-0000-4000-8000-000000000002'),
    ('5a000901-0000-4000-8000-000000000004', '5a000000-0000-4000-8000-000000000001',
        '5a000401-0000-4000-8000-000000000001', NULL, 'site_survey', 'WO-1043',
        'Walk the second half of the area', 'draft', NULL,
        'low', NULL, NULL, NULL, '2026-06-12', NULL, NULL, '5a000100-0000-4000-8000-000000000002'),
    ('5a000902-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000002',
        '5a000402-0000-4000-8000-000000000001', '5a000502-0000-4000-8000-000000000001', 'splicing', 'WO-1040',
        'Splice the first tube of F1 to D1-01', 'completed', NULL,
        'normal', '(7.3675,48.0809)', '5a000200-0000-4000-8000-000000000002', '2026-05-12', '2026-05-15',
        '2026-05-12 08:10+00', '2026-05-12 11:40+00', '5a000200-0000-4000-8000-000000000001'),
    ('5a000902-0000-4000-8000-000000000002', '5a000000-0000-4000-8000-000000000002',
        '5a000402-0000-4000-8000-000000000001', '5a000502-0000-4000-8000-000000000001', 'otdr_testing', 'WO-1041',
        'Measure F1 from both ends at 1550 nm', 'in_progress', NULL,
        'high', '(7.3585,48.0794)', '5a000200-0000-4000-8000-000000000002', '2026-05-13', '2026-05-20',
        '2026-05-13 09:45+00', NULL, '5a000200-0000-4000-8000-000000000001'),
    ('5a000902-0000-4000-8000-000000000003', '5a000000-0000-4000-8000-000000000002',
        '5a000402-0000-4000-8000-000000000001', '5a000502-0000-4000-8000-000000000003', 'trenching', 'WO-1042',
        'Open the footway for D1-02', 'on_hold', 'permit of the road authority',
        'normal', '(7.3725,48.0799)', '5a000200-0000-4000-8000-000000000002', '2026-05-18', '2026-05-29', NULL,
        NULL, '5a000200-0000-4000-8000-000000000001'),
    ('5a000902-0000-4000-8000-000000000004', '5a000000-0000-4000-8000-000000000002',
        '5a000402-0000-4000-8000-000000000001', NULL, 'site_survey', 'WO-1043',
        'Walk the second half of the area', 'draft', NULL,
        'low', NULL, NULL, NULL, '2026-06-12', NULL, NULL, '5a000200-0000-4000-8000-000000000001')
) AS w (id, organisation_id, project_id, cable_route_id, work_order_type, reference, title, status, hold_reason,
        priority, location, assigned_to, scheduled_for, due_on, started_at, completed_at, created_by)
JOIN public.work_order_types AS t ON t.code = w.work_order_type
ON CONFLICT DO NOTHING;

INSERT INTO public.inspections
    (id, organisation_id, work_order_id, inspection_template_id, inspector_id, result, findings, inspected_at)
SELECT i.id::uuid, i.organisation_id::uuid, i.work_order_id::uuid, t.id, i.inspector_id::uuid, i.result,
    i.findings::jsonb, i.inspected_at::timestamptz
FROM (VALUES
    ('5a000a01-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000001',
        '5a000901-0000-4000-8000-000000000001', 'splice_quality', '5a000100-0000-4000-8000-000000000002',
        'passed_with_remarks',
        '[{"item": "loss", "ok": true}, {"item": "labels", "ok": false, "remark": "tube 3 has no label"}]',
        '2026-05-12 14:30+00'),
    ('5a000a02-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000002',
        '5a000902-0000-4000-8000-000000000001', 'splice_quality', '5a000200-0000-4000-8000-000000000001',
        'passed_with_remarks',
        '[{"item": "loss", "ok": true}, {"item": "labels", "ok": false, "remark": "tube 3 has no label"}]',
        '2026-05-12 14:30+00')
) AS i (id, organisation_id, work_order_id, template, inspector_id, result, findings, inspected_at)
JOIN public.inspection_templates AS t ON t.code = i.template
ON CONFLICT DO NOTHING;

INSERT INTO public.photos
    (id, organisation_id, project_id, work_order_id, inspection_id, storage_path, content_type, byte_size, sha256,
     caption, location, taken_at, uploaded_by)
VALUES
    ('5a000b01-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000001',
        '5a000401-0000-4000-8000-000000000001', '5a000901-0000-4000-8000-000000000001',
        '5a000a01-0000-4000-8000-000000000001',
        '5a000000-0000-4000-8000-000000000001/5a000401-0000-4000-8000-000000000001/wo-1040-tray-1.jpg',
        'image/jpeg', 2418734,
        '3d309fb58cde6ae8fe572b0c65b9253bd9d58b65a4aba301c5f0cc8a5b9d754d',
        'Tray 1 before the cover went on', '(7.8511,48.0005)', '2026-05-12 11:25+00',
        '5a000100-0000-4000-8000-000000000003'),
    ('5a000b02-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000002',
        '5a000402-0000-4000-8000-000000000001', '5a000902-0000-4000-8000-000000000001',
        '5a000a02-0000-4000-8000-000000000001',
        '5a000000-0000-4000-8000-000000000002/5a000402-0000-4000-8000-000000000001/wo-1040-tray-1.jpg',
        'image/jpeg', 2418735,
        '90d04dddc409d3f72e3d5c00decdfc8c92463a24d8daeb7f17ab55c6212c2095',
        'Tray 1 before the cover went on', '(7.3675,48.0809)', '2026-05-12 11:25+00',
        '5a000200-0000-4000-8000-000000000002')
ON CONFLICT DO NOTHING;

INSERT INTO public.forms (id, organisation_id, code, version, title, fields, published_at, created_by) VALUES
    ('5a000c01-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000001', 'daily_site_report', 1,
        'Daily site report', '[
        {"key": "crew_size", "label": "People on site", "type": "integer", "required": true},
        {"key": "weather", "label": "Weather", "type": "text", "required": true},
        {"key": "incidents", "label": "Incidents", "type": "text", "required": false}
    ]', '2026-04-27 07:00+00', '5a000100-0000-4000-8000-000000000002'),
    ('5a000c02-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000002', 'daily_site_report', 1,
        'Daily site report', '[
        {"key": "crew_size", "label": "People on site", "type": "integer", "required": true},
        {"key": "weather", "label": "Weather", "type": "text", "required": true},
        {"key": "incidents", "label": "Incidents", "type": "text", "required": false}
    ]', '2026-04-27 07:00+00', '5a000200-0000-4000-8000-000000000001')
ON CONFLICT DO NOTHING;

INSERT INTO public.form_submissions
    (id, organisation_id, form_id, work_order_id, answers, submitted_by, submitted_at)
VALUES
    ('5a000d01-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000001',
        '5a000c01-0000-4000-8000-000000000001', '5a000901-0000-4000-8000-000000000001',
        '{"crew_size": 2, "weather": "dry, 14 degrees"}', '5a000100-0000-4000-8000-000000000003',
        '2026-05-12 15:05+00'),
    ('5a000d02-0000-4000-8000-000000000001', '5a000000-0000-4000-8000-000000000002',
        '5a000c02-0000-4000-8000-000000000001', '5a000902-0000-4000-8000-000000000001',
        '{"crew_size": 2, "weather": "dry, 14 degrees"}', '5a000200-0000-4000-8000-000000000002',
        '2026-05-12 15:05+00')
ON CONFLICT DO NOTHING;

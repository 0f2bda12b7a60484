-- The eight tables are there.
SELECT to_regclass('public.' || wanted) IS NOT NULL
FROM unnest(ARRAY['cable_types', 'work_order_types', 'inspection_templates', 'feature_flags',
                  'cable_routes', 'work_orders', 'inspections', 'photos']) AS wanted;

-- Every foreign key is valid.
SELECT convalidated FROM pg_catalog.pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace;

-- A route is an open line: a closed one would become an area on the map.
SELECT NOT EXISTS (SELECT FROM public.cable_routes WHERE isclosed(route));

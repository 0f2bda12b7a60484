-- Rolls back 002_extended_schema.
-- All routes, work orders, inspections, photos and catalogues go with it; the picture files stay in object storage.
DROP TABLE public.photos;
DROP TABLE public.inspections;
DROP TABLE public.work_orders;
DROP TABLE public.cable_routes;
DROP TABLE public.feature_flags;
DROP TABLE public.inspection_templates;
DROP TABLE public.work_order_types;
DROP TABLE public.cable_types;

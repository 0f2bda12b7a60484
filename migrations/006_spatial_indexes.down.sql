-- Rolls back 006_spatial_indexes.
-- The map still works, by reading whole tables.
DROP INDEX public.photos_location_idx;
DROP INDEX public.work_orders_location_idx;
DROP INDEX public.cable_routes_route_idx;
DROP INDEX public.projects_area_idx;

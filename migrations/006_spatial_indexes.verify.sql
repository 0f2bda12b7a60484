-- Each spatial index is there and valid.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_index
    WHERE indexrelid = to_regclass('public.' || wanted) AND indisvalid AND indisready)
FROM unnest(ARRAY['projects_area_idx', 'cable_routes_route_idx', 'work_orders_location_idx', 'photos_location_idx'])
    AS wanted;

-- Rolls back 004_functions_views.
DROP VIEW app.organisation_usage;
DROP FUNCTION public.map_features(box);
DROP FUNCTION public.project_progress();
DROP FUNCTION app.path_length_m(path);

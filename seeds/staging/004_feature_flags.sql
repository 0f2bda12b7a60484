-- What the next release brings is on.
-- A switch somebody has turned stays as it is; only its description follows this file.
INSERT INTO public.feature_flags AS f (code, description, enabled) VALUES
    ('offline_forms', 'Forms can be filled in without a connection and are sent later.', true),
    ('map_clustering', 'Work orders that lie close together are drawn as one on the map.', true),
    ('otdr_import', 'Trace files are read, and measurements filled in from them.', false),
    ('photo_required', 'Work orders of some kinds cannot be completed without a picture.', true)
ON CONFLICT (code) DO UPDATE SET description = excluded.description
WHERE f.description <> excluded.description;

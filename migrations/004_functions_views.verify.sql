-- One degree along the equator.
SELECT app.path_length_m('[(0,0),(1,0)]') BETWEEN 111195 AND 111196;

-- Billing's view, which sees all organisations, is not for users.
SELECT NOT has_table_privilege('authenticated', 'app.organisation_usage', 'SELECT')
    AND has_table_privilege('service_role', 'app.organisation_usage', 'SELECT');

-- Only signed-in users can query the map.
SELECT has_function_privilege('authenticated', 'public.map_features(box)', 'EXECUTE')
    AND NOT has_function_privilege('public', 'public.map_features(box)', 'EXECUTE');

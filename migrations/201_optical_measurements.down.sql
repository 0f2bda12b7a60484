-- Rolls back 201_optical_measurements.
-- All measurements go with it; the trace files stay in object storage.
DROP FUNCTION public.route_acceptance(uuid);
DROP TABLE public.optical_measurements;

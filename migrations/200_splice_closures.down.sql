-- Rolls back 200_splice_closures.
-- All closures and splices go with it.
DROP TABLE public.splices;
DROP TABLE public.splice_closures;
DROP FUNCTION app.check_splice_fits();

-- Rolls back 300_inspection_forms.
-- All forms and what was filled in go with it.
DROP TABLE public.form_submissions;
DROP TABLE public.forms;
DROP FUNCTION app.keep_published_form();
DROP FUNCTION app.check_submission();
DROP FUNCTION app.missing_answers(jsonb, jsonb);

-- Each catalogue has the rows the application's code refers to.
SELECT EXISTS (SELECT FROM public.work_order_types WHERE code = wanted)
FROM unnest(ARRAY['site_survey', 'splicing', 'otdr_testing', 'customer_connection', 'fault_repair']) AS wanted;

SELECT (SELECT count(*) FROM public.cable_types) >= 9 AND (SELECT count(*) FROM public.inspection_templates) >= 6;

-- Every item of every template can be shown and judged.
SELECT item ? 'item' AND item ? 'question' AND jsonb_typeof(item -> 'critical') = 'boolean'
FROM public.inspection_templates, jsonb_array_elements(items) AS item;

-- Rolls back 008_seed_data.
-- Refused by foreign keys as long as routes, work orders or inspections refer to a row: delete or change those first.
DELETE FROM public.inspection_templates WHERE code IN (
    'trench_depth', 'duct_integrity', 'splice_quality', 'aerial_span', 'site_safety', 'reinstatement');
DELETE FROM public.work_order_types WHERE code IN (
    'site_survey', 'trenching', 'duct_installation', 'cable_blowing', 'cable_pulling', 'aerial_stringing',
    'splicing', 'otdr_testing', 'reinstatement', 'customer_connection', 'fault_repair');
DELETE FROM public.cable_types WHERE code IN (
    'LT-G652D-12', 'LT-G652D-24', 'LT-G652D-48', 'LT-G652D-96', 'LT-G652D-144', 'MC-G657A1-288', 'AR-G652D-48',
    'ADSS-G652D-48', 'DROP-G657A2-2');

-- Rolls back 007_core_rls_policies.
-- Back to reading only: the grants go first, then what they were limited by.
REVOKE INSERT, UPDATE, DELETE ON
    public.projects, public.cable_routes, public.work_orders, public.inspections, public.photos
    FROM authenticated;
REVOKE UPDATE, DELETE ON public.organisation_members FROM authenticated;
REVOKE UPDATE (full_name, phone) ON public.users FROM authenticated;
REVOKE UPDATE (name, slug, country_code) ON public.organisations FROM authenticated;

DROP POLICY photos_delete ON public.photos;
DROP POLICY photos_update ON public.photos;
DROP POLICY photos_insert ON public.photos;
DROP POLICY inspections_delete ON public.inspections;
DROP POLICY inspections_update ON public.inspections;
DROP POLICY inspections_insert ON public.inspections;
DROP POLICY work_orders_delete ON public.work_orders;
DROP POLICY work_orders_update ON public.work_orders;
DROP POLICY work_orders_insert ON public.work_orders;
DROP POLICY cable_routes_delete ON public.cable_routes;
DROP POLICY cable_routes_update ON public.cable_routes;
DROP POLICY cable_routes_insert ON public.cable_routes;
DROP POLICY projects_delete ON public.projects;
DROP POLICY projects_update ON public.projects;
DROP POLICY projects_insert ON public.projects;
DROP POLICY organisation_members_delete ON public.organisation_members;
DROP POLICY organisation_members_update ON public.organisation_members;
DROP POLICY users_update ON public.users;
DROP POLICY organisations_update ON public.organisations;

DROP TRIGGER organisation_members_keep_an_owner ON public.organisation_members;
DROP FUNCTION app.keep_an_owner();

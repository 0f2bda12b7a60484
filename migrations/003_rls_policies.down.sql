-- Rolls back 003_rls_policies.
-- Without policies only the owner may use the tables, so the grants are revoked first.
-- The roles authenticated and service_role stay: they belong to the cluster, and other databases may use them.
REVOKE ALL ON
    public.organisations, public.users, public.organisation_members, public.projects, public.cable_routes,
    public.work_orders, public.inspections, public.photos, public.cable_types, public.work_order_types,
    public.inspection_templates, public.feature_flags
    FROM authenticated, service_role;

DROP POLICY feature_flags_service ON public.feature_flags;
DROP POLICY feature_flags_read ON public.feature_flags;
DROP POLICY inspection_templates_service ON public.inspection_templates;
DROP POLICY inspection_templates_read ON public.inspection_templates;
DROP POLICY work_order_types_service ON public.work_order_types;
DROP POLICY work_order_types_read ON public.work_order_types;
DROP POLICY cable_types_service ON public.cable_types;
DROP POLICY cable_types_read ON public.cable_types;
DROP POLICY photos_service ON public.photos;
DROP POLICY photos_read ON public.photos;
DROP POLICY inspections_service ON public.inspections;
DROP POLICY inspections_read ON public.inspections;
DROP POLICY work_orders_service ON public.work_orders;
DROP POLICY work_orders_read ON public.work_orders;
DROP POLICY cable_routes_service ON public.cable_routes;
DROP POLICY cable_routes_read ON public.cable_routes;
DROP POLICY projects_service ON public.projects;
DROP POLICY projects_read ON public.projects;
DROP POLICY organisation_members_service ON public.organisation_members;
DROP POLICY organisation_members_read ON public.organisation_members;
DROP POLICY users_service ON public.users;
DROP POLICY users_read ON public.users;
DROP POLICY organisations_service ON public.organisations;
DROP POLICY organisations_read ON public.organisations;

ALTER TABLE public.feature_flags DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.inspection_templates DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.work_order_types DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.cable_types DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.photos DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.inspections DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.work_orders DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.cable_routes DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.projects DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.organisation_members DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.users DISABLE ROW LEVEL SECURITY;
ALTER TABLE public.organisations DISABLE ROW LEVEL SECURITY;

DROP FUNCTION app.colleagues();
DROP FUNCTION app.organisations_with_role(public.member_role);
DROP FUNCTION app.current_user_id();
REVOKE USAGE ON SCHEMA app FROM authenticated, service_role;

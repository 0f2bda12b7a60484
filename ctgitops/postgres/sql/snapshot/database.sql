-- Objects of the database as a whole: extensions, grants, default privileges, publications, foreign servers.
select 'about' as kind, pg_get_userbyid(r.oid) as name, null as of, 0 as unit, (
        -- the server's precedence: the role's own setting before the database's
        select substr(c, length('search_path=') + 1)
        from pg_db_role_setting s, unnest(s.setconfig) c
        where c like 'search_path=%' and s.setrole in (0, r.oid)
            and s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
        order by s.setrole <> 0 desc, s.setdatabase <> 0 desc
        limit 1
    ) as search_path,
    current_database()::text as database
from pg_roles r
where r.oid = coalesce(
    (select n.nspowner from pg_namespace n where n.nspname = 'ctgitops'),
    (select u.oid from pg_roles u where u.rolname = current_user)
);

select 'extension' as kind, quote_ident(e.extname) as name, null as of, 0 as unit, e.extversion as version, n.nspname as schema
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace;

select 'event trigger' as kind, quote_ident(t.evtname) as name, null as of, 0 as unit,
    pg_get_userbyid(t.evtowner) as owner, t.evtevent as event, t.evtfoid::regprocedure::text as function,
    array_to_string(t.evttags, ', ') as tags,
    case t.evtenabled when 'D' then 'no' when 'R' then 'replica' when 'A' then 'always' end as enabled,
    d.description as comment
from pg_event_trigger t
left join pg_description d on d.classoid = 'pg_event_trigger'::regclass and d.objoid = t.oid
where t.oid not in ({members of pg_event_trigger});

select 'publication' as kind, quote_ident(p.pubname) as name, null as of, 0 as unit,
    pg_get_userbyid(p.pubowner) as owner,
    case when p.puballtables then 'all' else (
        select string_agg(
            r.prrelid::regclass::text || {part of publication},
            ', ' order by r.prrelid::regclass::text
        )
        from pg_publication_rel r where r.prpubid = p.oid
    ) end as tables,
    {schemas of publication} as schemas,
    concat_ws(', ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
        case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end) as publishes,
    case when p.pubviaroot then 'yes' end as via_root,
    d.description as comment
from pg_publication p
left join pg_description d on d.classoid = 'pg_publication'::regclass and d.objoid = p.oid
where p.oid not in ({members of pg_publication});

select 'foreign data wrapper' as kind, quote_ident(w.fdwname) as name, null as of, 0 as unit,
    pg_get_userbyid(w.fdwowner) as owner,
    nullif(w.fdwhandler, 0)::regprocedure::text as handler,
    nullif(w.fdwvalidator, 0)::regprocedure::text as validator,
    case when w.fdwoptions is not null then {options of w.fdwoptions} end as options,
    d.description as comment
from pg_foreign_data_wrapper w
left join pg_description d on d.classoid = 'pg_foreign_data_wrapper'::regclass and d.objoid = w.oid
where w.oid not in ({members of pg_foreign_data_wrapper});

select 'foreign server' as kind, quote_ident(s.srvname) as name, null as of, 0 as unit,
    pg_get_userbyid(s.srvowner) as owner, w.fdwname as wrapper, s.srvtype as type, s.srvversion as version,
    case when s.srvoptions is not null then {options of s.srvoptions} end as options,
    d.description as comment
from pg_foreign_server s
join pg_foreign_data_wrapper w on w.oid = s.srvfdw
left join pg_description d on d.classoid = 'pg_foreign_server'::regclass and d.objoid = s.oid
where s.oid not in ({members of pg_foreign_server});

-- User mappings without their options, which are logins.
select 'user mapping' as kind, format('%s on %I', case m.umuser when 0 then 'public' else quote_ident(m.usename) end, m.srvname)
    as name, null as of, 0 as unit
from pg_user_mappings m;

select 'language' as kind, quote_ident(l.lanname) as name, null as of, 0 as unit,
    pg_get_userbyid(l.lanowner) as owner, case when l.lanpltrusted then 'yes' end as trusted,
    d.description as comment
from pg_language l
left join pg_description d on d.classoid = 'pg_language'::regclass and d.objoid = l.oid
where l.oid >= 16384 and l.oid not in ({members of pg_language});

-- Privileges, where they differ from the defaults without a GRANT. So a NULL list equals a list with the same meaning,
-- and a privilege that only a newer major has is part of ALL there.
with objects (kind, name, of, unit, acl, initial, owner) as (
    select 'schema', quote_ident(n.nspname), quote_ident(n.nspname), 0, n.nspacl,
        acldefault('n', n.nspowner), n.nspowner
    from pg_namespace n
    where n.nspacl is not null and {ours} and {unit 0} and n.oid not in ({members of pg_namespace})
    union all
    select case c.relkind when 'S' then 'sequence' else 'table' end, c.oid::regclass::text, c.oid::regclass::text,
        c.oid, c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner), c.relowner
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relacl is not null and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relpersistence <> 't' and {ours}
        and {unit c.oid}
        and c.oid not in ({members of pg_class})
    union all
    select 'column', c.oid::regclass::text || '.' || quote_ident(a.attname), c.oid::regclass::text,
        c.oid, a.attacl, acldefault('c', c.relowner), c.relowner
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    join pg_namespace n on n.oid = c.relnamespace
    where a.attacl is not null and not a.attisdropped and c.relpersistence <> 't' and {ours}
        and {unit a.attrelid}
        and c.oid not in ({members of pg_class})
    union all
    select 'function', p.oid::regprocedure::text, p.oid::regprocedure::text, p.oid, p.proacl,
        acldefault('f', p.proowner), p.proowner
    from pg_proc p
    join pg_namespace n on n.oid = p.pronamespace
    where p.proacl is not null and {ours} and {unit p.oid} and p.oid not in ({members of pg_proc})
    union all
    select 'type', t.oid::regtype::text, t.oid::regtype::text, t.oid, t.typacl, acldefault('T', t.typowner), t.typowner
    from pg_type t
    join pg_namespace n on n.oid = t.typnamespace
    where t.typacl is not null and {ours} and {unit t.oid} and t.oid not in ({members of pg_type})
    union all
    select 'language', quote_ident(l.lanname), quote_ident(l.lanname), 0, l.lanacl, acldefault('l', l.lanowner), l.lanowner
    from pg_language l
    where l.lanacl is not null and l.oid >= 16384 and {unit 0} and l.oid not in ({members of pg_language})
    union all
    select 'foreign data wrapper', quote_ident(w.fdwname), quote_ident(w.fdwname), 0, w.fdwacl,
        acldefault('F', w.fdwowner), w.fdwowner
    from pg_foreign_data_wrapper w
    where w.fdwacl is not null and {unit 0} and w.oid not in ({members of pg_foreign_data_wrapper})
    union all
    select 'foreign server', quote_ident(s.srvname), quote_ident(s.srvname), 0, s.srvacl,
        acldefault('S', s.srvowner), s.srvowner
    from pg_foreign_server s
    where s.srvacl is not null and {unit 0} and s.oid not in ({members of pg_foreign_server})
),
changed as (
    select o.kind, o.name, o.of, o.unit, g.*,
        (select count(*) from aclexplode(o.initial) a where a.grantee = o.owner) as whole
    from objects o
    cross join lateral (
        (
            select a.grantee, a.privilege_type, a.is_grantable, true as given from aclexplode(o.acl) a
            except
            select a.grantee, a.privilege_type, a.is_grantable, true from aclexplode(o.initial) a
        )
        union all
        (
            select a.grantee, a.privilege_type, a.is_grantable, false from aclexplode(o.initial) a
            except
            select a.grantee, a.privilege_type, a.is_grantable, false from aclexplode(o.acl) a
        )
    ) g
)
select 'grant' as kind,
    format('%s %s to %s', g.kind, g.name, case g.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(g.grantee)) end)
        as name,
    g.of,
    g.unit,
    case
        when count(*) filter (where g.given and not g.is_grantable)
            = nullif(g.whole, 0) then 'ALL'
        else string_agg(g.privilege_type || case when g.is_grantable then ' with grant option' else '' end, ', '
            order by g.privilege_type, g.is_grantable) filter (where g.given)
    end as privileges,
    string_agg(g.privilege_type, ', ' order by g.privilege_type) filter (where not g.given) as revoked
from changed g
group by g.kind, g.name, g.of, g.unit, g.grantee, g.whole;

select 'default privileges' as kind,
    format('of %I %son %s to %s', pg_get_userbyid(p.defaclrole), coalesce('in ' || quote_ident(n.nspname) || ' ', ''),
        case p.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
            when 'T' then 'types' when 'n' then 'schemas' else p.defaclobjtype::text end,
        case a.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(a.grantee)) end) as name,
    null as of,
    0 as unit,
    case
        when count(*) filter (where not a.is_grantable) = (
            select count(*) from aclexplode(acldefault(
                case p.defaclobjtype when 'S' then 's' else p.defaclobjtype end, p.defaclrole)) b
            where b.grantee = p.defaclrole
        ) then 'ALL'
        else string_agg(a.privilege_type || case when a.is_grantable then ' with grant option' else '' end, ', '
            order by a.privilege_type, a.is_grantable)
    end as privileges
from pg_default_acl p
left join pg_namespace n on n.oid = p.defaclnamespace
cross join lateral aclexplode(p.defaclacl) a
where p.defaclnamespace = 0 or {ours}
group by p.oid, p.defaclrole, p.defaclobjtype, n.nspname, a.grantee;

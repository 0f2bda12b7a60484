-- Schemas and their relations: tables, views, sequences, with columns, constraints, indexes, triggers, rules, policies.
-- Each query returns a kind, a name, the parent object, and attributes, all as text; a null attribute is absent.
-- A name that begins with a point continues the parent's name.
-- The fourth column is the OID of the relation, routine or type to which the object belongs, or 0. A query with the
-- placeholder {unit …} reads either all objects, or only those of some OIDs.
-- The search path is empty, so regclass and the pg_get functions qualify names.
select 'schema' as kind, quote_ident(n.nspname) as name, null as of, 0 as unit,
    -- initdb creates public, for the creator of the cluster or, since 15, for the database's owner
    case when n.nspname <> 'public' or n.nspowner not in (10, 6171) then pg_get_userbyid(n.nspowner) end as owner,
    nullif(d.description, 'standard public schema') as comment
from pg_namespace n
left join pg_description d on d.classoid = 'pg_namespace'::regclass and d.objoid = n.oid
where {ours} and n.oid not in ({members of pg_namespace});

select
    case c.relkind
        when 'r' then 'table' when 'p' then 'table' when 'v' then 'view' when 'm' then 'materialized view'
        else 'foreign table'
    end as kind,
    c.oid::regclass::text as name,
    null as of,
    c.oid as unit,
    pg_get_userbyid(c.relowner) as owner,
    case c.relpersistence when 'u' then 'unlogged' end as persistence,
    nullif(am.amname, 'heap') as access_method,
    ts.spcname as tablespace,
    pg_get_partkeydef(c.oid) as partition_key,
    pg_get_expr(c.relpartbound, c.oid) as partition_bound,
    case when c.relhassubclass or c.relispartition or c.relkind in ('r', 'p', 'f') then (
        select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno) from pg_inherits i where i.inhrelid = c.oid
    ) end as inherits,
    case when c.reloftype <> 0 then c.reloftype::regtype::text end as of_type,
    case
        when c.relrowsecurity and c.relforcerowsecurity then 'enabled, forced'
        when c.relrowsecurity then 'enabled'
        when c.relforcerowsecurity then 'disabled, forced'
    end as row_security,
    case
        when c.relkind not in ('r', 'p', 'm') then null
        when c.relreplident = 'f' then 'full'
        when c.relreplident = 'n' then 'nothing'
        when c.relreplident = 'i' then (
            select x.indexrelid::regclass::text from pg_index x where x.indrelid = c.oid and x.indisreplident
        )
    end as replica_identity,
    case when c.reloptions is not null then (select string_agg(o, ', ' order by o) from unnest(c.reloptions) o) end
        as options,
    s.srvname as server,
    case when f.ftoptions is not null then {options of f.ftoptions} end as server_options,
    case when c.relkind = 'm' and not c.relispopulated then 'no' end as populated,
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as definition,
    d.description as comment
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_am am on am.oid = c.relam
left join pg_tablespace ts on ts.oid = c.reltablespace
left join pg_foreign_table f on f.ftrelid = c.oid
left join pg_foreign_server s on s.oid = f.ftserver
left join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid = 0
where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't' and {ours} and {unit c.oid}
    and c.oid not in ({members of pg_class});

-- The position of a column is left out: a column that was dropped and added again is the same to a query by name.
select 'column' as kind, '.' || quote_ident(a.attname) as name, c.oid::regclass::text as of, c.oid as unit,
    case when c.relkind in ('r', 'p', 'f') then format_type(a.atttypid, a.atttypmod) end as type,
    case when c.relkind in ('r', 'p', 'f') and a.attcollation not in (t.typcollation, 0)
        then a.attcollation::regcollation::text end as collation,
    case when not a.attnotnull then null when k.oid is not null then 'not validated' else 'yes' end as not_null,
    case when a.attgenerated = '' then pg_get_expr(f.adbin, f.adrelid) end as "default",
    case a.attgenerated when 's' then 'stored ' when 'v' then 'virtual ' end || pg_get_expr(f.adbin, f.adrelid)
        as generated,
    case a.attidentity when 'a' then 'always' when 'd' then 'by default' end as identity,
    case when c.relkind in ('r', 'p') and a.attstorage <> t.typstorage then a.attstorage::text end as storage,
    nullif(a.attcompression::text, '') as compression,
    case when a.attstattarget >= 0 then a.attstattarget::text end as statistics,
    (select string_agg(o, ', ') from unnest(a.attoptions) o where o !~ '^pg_attver=') as options, -- 17.12 counts in it
    case when a.attfdwoptions is not null then {options of a.attfdwoptions} end as server_options,
    case when a.attinhcount > 0 and a.attislocal and not c.relispartition then 'declared here too' end as inherited,
    d.description as comment
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum and a.atthasdef
-- since 18 a NOT NULL has a name and may be NOT VALID; its name is left out, so that majors compare
left join (
    select w.oid, w.conrelid, unnest(w.conkey) as attnum from pg_constraint w where w.contype = 'n' and not w.convalidated
) k on k.conrelid = a.attrelid and k.attnum = a.attnum
left join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = a.attrelid and d.objsubid = a.attnum
where a.attnum > 0 and not a.attisdropped and c.relpersistence <> 't' and {ours} and {unit a.attrelid}
    and (c.relkind in ('r', 'p', 'f') or c.relkind in ('v', 'm') and (a.atthasdef or d.objoid is not null))
    and c.oid not in ({members of pg_class});

-- A partition's copy of a constraint follows its parent, and each major names it differently.
select 'constraint' as kind,
    '.' || quote_ident(k.conname) as name,
    case when k.conrelid <> 0 then k.conrelid::regclass::text else k.contypid::regtype::text end as of,
    case when k.conrelid <> 0 then k.conrelid else k.contypid end as unit,
    pg_get_constraintdef(k.oid) as definition,
    case when x.indisclustered then 'yes' end as clustered,
    d.description as comment
from pg_constraint k
join pg_namespace n on n.oid = k.connamespace
left join pg_index x on x.indexrelid = k.conindid and k.contype in ('p', 'u', 'x')
left join pg_class c on c.oid = k.conrelid
left join pg_description d on d.classoid = 'pg_constraint'::regclass and d.objoid = k.oid
where k.contype not in ('n', 't') and k.conparentid = 0 and (k.conislocal or k.contypid <> 0) and {ours}
    and ({unit k.conrelid} or {unit k.contypid})
    and coalesce(c.relpersistence, 'p') <> 't'
    and k.conrelid not in ({members of pg_class}) and k.contypid not in ({members of pg_type});

-- A constraint's own index is part of the constraint, as long as it is valid.
select 'index' as kind, x.indexrelid::regclass::text as name, x.indrelid::regclass::text as of,
    x.indrelid as unit,
    pg_get_indexdef(x.indexrelid) as definition,
    case when x.indisvalid and x.indisready then null else 'no' end as valid,
    case when x.indisclustered then 'yes' end as clustered,
    ts.spcname as tablespace,
    d.description as comment
from pg_index x
join pg_class i on i.oid = x.indexrelid
join pg_class c on c.oid = x.indrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_tablespace ts on ts.oid = i.reltablespace
left join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = i.oid and d.objsubid = 0
where c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't' and {ours} and {unit x.indrelid}
    and (not x.indisvalid or not i.relispartition and not exists (
        select from pg_constraint k where k.conindid = i.oid and k.contype in ('p', 'u', 'x')))
    and c.oid not in ({members of pg_class});

select 'sequence' as kind, c.oid::regclass::text as name, null as of, c.oid as unit,
    pg_get_userbyid(c.relowner) as owner,
    case c.relpersistence when 'u' then 'unlogged' end as persistence,
    format_type(s.seqtypid, null) as type, s.seqstart::text as start, s.seqincrement::text as increment,
    s.seqmin::text as minimum, s.seqmax::text as maximum, s.seqcache::text as cache,
    case when s.seqcycle then 'yes' end as cycle,
    (
        select o.refobjid::regclass::text || '.' || quote_ident(a.attname)
        from pg_depend o join pg_attribute a on a.attrelid = o.refobjid and a.attnum = o.refobjsubid
        where o.classid = 'pg_class'::regclass and o.objid = c.oid and o.refclassid = 'pg_class'::regclass
            and o.deptype in ('a', 'i')
    ) as owned_by,
    d.description as comment
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid = 0
where c.relpersistence <> 't' and {ours} and {unit s.seqrelid} and c.oid not in ({members of pg_class});

select 'trigger' as kind, '.' || quote_ident(t.tgname) as name,
    t.tgrelid::regclass::text as of, t.tgrelid as unit,
    pg_get_triggerdef(t.oid) as definition,
    case t.tgenabled when 'D' then 'no' when 'R' then 'replica' when 'A' then 'always' end as enabled,
    d.description as comment
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_description d on d.classoid = 'pg_trigger'::regclass and d.objoid = t.oid
where not t.tgisinternal and t.tgparentid = 0 and c.relpersistence <> 't' and {ours} and {unit t.tgrelid}
    and c.oid not in ({members of pg_class});

select 'rule' as kind, '.' || quote_ident(r.rulename) as name,
    r.ev_class::regclass::text as of, r.ev_class as unit,
    pg_get_ruledef(r.oid) as definition,
    case r.ev_enabled when 'D' then 'no' when 'R' then 'replica' when 'A' then 'always' end as enabled,
    d.description as comment
from pg_rewrite r
join pg_class c on c.oid = r.ev_class
join pg_namespace n on n.oid = c.relnamespace
left join pg_description d on d.classoid = 'pg_rewrite'::regclass and d.objoid = r.oid
where r.rulename <> '_RETURN' and {ours} and {unit r.ev_class} and c.oid not in ({members of pg_class});

select 'policy' as kind, '.' || quote_ident(p.polname) as name,
    p.polrelid::regclass::text as of, p.polrelid as unit,
    case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
        else 'all' end as command,
    case when not p.polpermissive then 'yes' end as restrictive,
    (
        select string_agg(case u when 0 then 'public' else quote_ident(pg_get_userbyid(u)) end, ', '
            order by case u when 0 then 'public' else pg_get_userbyid(u) end)
        from unnest(p.polroles) u
    ) as roles,
    pg_get_expr(p.polqual, p.polrelid) as "using",
    pg_get_expr(p.polwithcheck, p.polrelid) as with_check,
    d.description as comment
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_description d on d.classoid = 'pg_policy'::regclass and d.objoid = p.oid
where {ours} and {unit p.polrelid} and c.oid not in ({members of pg_class});

select 'statistics' as kind, format('%I.%I', n.nspname, s.stxname) as name, s.stxrelid::regclass::text as of,
    s.stxrelid as unit,
    pg_get_userbyid(s.stxowner) as owner,
    pg_get_statisticsobjdef(s.oid) as definition,
    case when s.stxstattarget >= 0 then s.stxstattarget::text end as target,
    d.description as comment
from pg_statistic_ext s
join pg_namespace n on n.oid = s.stxnamespace
left join pg_description d on d.classoid = 'pg_statistic_ext'::regclass and d.objoid = s.oid
where {ours} and {unit s.stxrelid};

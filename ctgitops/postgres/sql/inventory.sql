-- One line for each object of the schema, as `kind name: definition`. `exact` adds PostgreSQL's output for expressions
-- and queries, which differs between majors; without it, equal schemas have equal lines on any major.
-- Objects that pg_dump leaves out have no line here; not_dumped.sql lists them. `left_out` is a JSON array of
-- relations, each `[schema, name]`, that have no line because a partial backup leaves them out.
with recursive
schemas as (
    select oid, nspname
    from pg_catalog.pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
),
members as (
    select classid, objid from pg_catalog.pg_depend where deptype = 'e'
),
relations as (
    select c.oid, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relispopulated, c.relname,
        c.relispartition, c.reloftype, format('%I.%I', n.nspname, c.relname) as name
    from pg_catalog.pg_class c
    join schemas n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
        and not exists (
            select from members m where m.classid = 'pg_catalog.pg_class'::regclass and m.objid = c.oid
        )
        and jsonb_build_array(n.nspname, c.relname) not in (select jsonb_array_elements(%(left_out)s))
),
unfilled as (
    select c.oid from pg_catalog.pg_class c where c.relkind = 'm' and not c.relispopulated
    union
    select w.ev_class
    from unfilled u
    join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = u.oid
        and d.classid = 'pg_catalog.pg_rewrite'::regclass
    join pg_catalog.pg_rewrite w on w.oid = d.objid
),
functions as (
    select p.oid, p.prosrc, p.prokind, p.prosecdef, p.provolatile, p.proisstrict, p.proconfig, p.prorettype, p.prolang,
        format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) as name
    from pg_catalog.pg_proc p
    join schemas n on n.oid = p.pronamespace
    where not exists (select from members m where m.classid = 'pg_catalog.pg_proc'::regclass and m.objid = p.oid)
),
types as (
    select t.oid, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull, format('%I.%I', n.nspname, t.typname) as name
    from pg_catalog.pg_type t
    join schemas n on n.oid = t.typnamespace
    where t.typtype in ('e', 'd', 'r')
        and not exists (select from members m where m.classid = 'pg_catalog.pg_type'::regclass and m.objid = t.oid)
)
select format('schema %I', nspname) as line
from schemas
where nspname <> 'public'  -- made by initdb, so dumps leave it alone
union all
select format('extension %I', extname) from pg_catalog.pg_extension
union all
select format(
    '%s %s%s%s%s',
    case relkind
        when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view' when 'm' then 'materialized view'
        when 'f' then 'foreign table' when 'S' then 'sequence' else 'composite type'
    end,
    name,
    case relpersistence when 'u' then ' unlogged' end,
    case when relrowsecurity then ' with row security' end,
    case when relforcerowsecurity then ', forced' end
)
from relations
union all
select format(
    'column %s.%I: %s%s%s%s%s',
    r.name,
    a.attname,
    pg_catalog.format_type(a.atttypid, a.atttypmod),
    case when a.attnotnull then ' not null' end,
    case a.attidentity when 'a' then ' identity always' when 'd' then ' identity by default' end,
    case a.attgenerated when 's' then ' generated stored' when 'v' then ' generated virtual' end,
    case
        when d.oid is null then ''
        when %(exact)s then ' default ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid)
        else ' with default'
    end
)
from pg_catalog.pg_attribute a
join relations r on r.oid = a.attrelid
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum and r.relkind <> 'v'
where a.attnum > 0 and not a.attisdropped and r.relkind <> 'S'
union all
select format(
    'constraint %I on %s: %s',
    c.conname,
    coalesce(r.name, t.name),
    case
        when %(exact)s or c.contype in ('p', 'u', 'f') then pg_catalog.pg_get_constraintdef(c.oid)
        else c.contype::text || case when c.convalidated then '' else ' not valid' end
    end
)
from pg_catalog.pg_constraint c
left join relations r on r.oid = c.conrelid
left join types t on t.oid = c.contypid
where c.contype <> 'n'  -- since 18, NOT NULL is here too; the column's line has it
    and c.conparentid = 0  -- a partition's copy, whose name each major makes in its own way
    and (r.oid is not null or t.oid is not null)
union all
select format(
    'index %I on %s: %s%s%s%s',
    i.relname,
    r.name,
    case when x.indisunique then 'unique ' end,
    am.amname,
    case when x.indisvalid then '' else ' invalid' end,
    case
        when %(exact)s then ' ' || pg_catalog.pg_get_indexdef(i.oid)
        else ' ' || (
            select string_agg(coalesce(quote_ident(a.attname), 'expression'), ', ' order by k.position)
            from unnest(x.indkey) with ordinality k (number, position)
            left join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum = k.number and k.number > 0
        ) || case when x.indpred is null then '' else ' partial' end
    end
)
from pg_catalog.pg_index x
join pg_catalog.pg_class i on i.oid = x.indexrelid
join pg_catalog.pg_am am on am.oid = i.relam
join relations r on r.oid = x.indrelid
where x.indisready and (x.indisvalid or r.relkind = 'p')  -- as in getIndexes of pg_dump
union all
select format('query of %s: %s', name, md5(pg_catalog.pg_get_viewdef(oid)))
from relations
where relkind in ('v', 'm') and %(exact)s
union all
select format('materialized view %s is filled', name)
from relations
where relkind = 'm' and relispopulated and oid not in (select u.oid from unfilled u)
union all
select format(
    'function %s: %s %s %s%s%s %s %s',
    f.name,
    f.prokind,
    l.lanname,
    f.provolatile,
    case when f.prosecdef then ' security definer' end,
    case when f.proisstrict then ' strict' end,
    array_to_string(f.proconfig, ' '),
    md5(f.prosrc)
)
from functions f
join pg_catalog.pg_language l on l.oid = f.prolang
union all
select format(
    'trigger %I on %s: %s%s',
    t.tgname,
    r.name,
    t.tgenabled,
    case when %(exact)s then ' ' || pg_catalog.pg_get_triggerdef(t.oid) end
)
from pg_catalog.pg_trigger t
join relations r on r.oid = t.tgrelid
where not t.tgisinternal and t.tgparentid = 0
union all
select format(
    'policy %I on %s: %s%s%s%s',
    p.polname,
    r.name,
    case when p.polpermissive then '' else 'restrictive ' end,
    p.polcmd,
    case when p.polqual is null then '' else ' using' end || case when p.polwithcheck is null then '' else ' check' end,
    case
        when %(exact)s
            then concat(
                ' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
                ' ', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
            )
    end
)
from pg_catalog.pg_policy p
join relations r on r.oid = p.polrelid
union all
select format('rule %I on %s', w.rulename, r.name)
from pg_catalog.pg_rewrite w
join relations r on r.oid = w.ev_class
where w.rulename <> '_RETURN'
union all
select format(
    'type %s: %s%s',
    t.name,
    case t.typtype
        when 'e' then
            'enum ' || (
                select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
                from pg_catalog.pg_enum e
                where e.enumtypid = t.oid
            )
        when 'd' then 'domain over ' || pg_catalog.format_type(t.typbasetype, t.typtypmod)
        else 'range'
    end,
    case when t.typnotnull then ' not null' end
)
from types t
union all
select format('sequence %I.%I: %s from %s by %s, %s to %s%s', s.schemaname, s.sequencename, s.data_type,
    s.start_value, s.increment_by, s.min_value, s.max_value, case when s.cycle then ' cycle' end)
from pg_catalog.pg_sequences s
where format('%I.%I', s.schemaname, s.sequencename) in (select name from relations where relkind = 'S')
union all
select format('event trigger %I: %s %s', evtname, evtevent, evtenabled)
from pg_catalog.pg_event_trigger e
where not exists (
    select from members m where m.classid = 'pg_catalog.pg_event_trigger'::regclass and m.objid = e.oid
)
union all
select format('publication %I', pubname) from pg_catalog.pg_publication

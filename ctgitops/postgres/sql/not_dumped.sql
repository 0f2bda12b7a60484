-- Objects of a database that pg_dump leaves out, one line each, with the reason. Reads catalogs only: it waits
-- for no lock. The sources are getIndexes, buildMatViewRefreshDependencies, getSubscriptions, dumpUserMappings and
-- dumpDatabase of pg_dump.
with recursive
members as (
    select d.objid, e.extname, e.extconfig
    from pg_catalog.pg_depend d
    join pg_catalog.pg_extension e on e.oid = d.refobjid and d.refclassid = 'pg_catalog.pg_extension'::regclass
    where d.classid = 'pg_catalog.pg_class'::regclass and d.deptype = 'e'
),
relations as (
    select c.oid, c.relkind, format('%I.%I', n.nspname, c.relname) as name
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relpersistence <> 't'
),
unfilled as (
    select c.oid, c.oid as root from pg_catalog.pg_class c where c.relkind = 'm' and not c.relispopulated
    union
    select w.ev_class, u.root
    from unfilled u
    join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = u.oid
        and d.classid = 'pg_catalog.pg_rewrite'::regclass
    join pg_catalog.pg_rewrite w on w.oid = d.objid and w.ev_class <> u.oid
),
lines (place, line) as (
    select 1, format('index %s on %s: it is INVALID', i.name, t.name)
    from pg_catalog.pg_index x
    join relations i on i.oid = x.indexrelid
    join relations t on t.oid = x.indrelid
    where not (x.indisready and (x.indisvalid or t.relkind = 'p'))
        and not exists (select from members m where m.objid = t.oid)
    union all
    select 2, format(
        'contents of materialized view %s: it reads %s, which is not populated',
        r.name, (select string_agg(distinct f.name, ', ') from unfilled v join relations f on f.oid = v.root where v.oid = r.oid)
    )
    from relations r
    join pg_catalog.pg_class c on c.oid = r.oid
    where r.relkind = 'm' and c.relispopulated and r.oid in (select oid from unfilled)
    union all
    select 3, format('rows of table %s: it belongs to extension %s, which does not mark it for dumps', r.name, m.extname)
    from relations r
    join members m on m.objid = r.oid
    join pg_catalog.pg_class c on c.oid = r.oid
    where r.relkind = 'r' and not (r.oid = any(coalesce(m.extconfig, '{}')))
        and (c.reltuples > 0 or pg_catalog.pg_stat_get_live_tuples(c.oid) > 0)
    union all
    select 4, format('subscription %I: only a superuser dumps subscriptions', s.subname)
    from pg_catalog.pg_subscription s
    where s.subdbid = (select oid from pg_catalog.pg_database where datname = current_database())
        and not (select rolsuper from pg_catalog.pg_roles where rolname = current_user)
    union all
    select 5, format('options of the user mapping of %s for server %I: this role may not read them', u.usename, u.srvname)
    from pg_catalog.pg_user_mappings u
    join pg_catalog.pg_foreign_server s on s.oid = u.srvid
    where not (
        (select rolsuper from pg_catalog.pg_roles where rolname = current_user)
        or (u.umuser = 0 and pg_catalog.pg_has_role(s.srvowner, 'usage'))
        or (u.usename = current_user
            and (pg_catalog.pg_has_role(s.srvowner, 'usage') or pg_catalog.has_server_privilege(s.oid, 'usage')))
    )
    union all
    select 6, format(
        'settings of the database (ALTER DATABASE, ALTER ROLE IN DATABASE): %s',
        (select string_agg(distinct split_part(c, '=', 1), ', ') from unnest(array_agg(s.setconfig::text)) a,
            unnest(a::text[]) c)
    )
    from pg_catalog.pg_db_role_setting s
    join pg_catalog.pg_database d on d.oid = s.setdatabase
    where d.datname = current_database()
    having count(*) > 0
    union all
    select 7, 'the comment of the database'
    from pg_catalog.pg_shdescription c
    join pg_catalog.pg_database d on d.oid = c.objoid
    where c.classoid = 'pg_catalog.pg_database'::regclass and d.datname = current_database()
    union all
    select 8, 'privileges on the database (GRANT ON DATABASE)'
    from pg_catalog.pg_database
    where datname = current_database() and datacl is not null
)
select line from lines order by place, line

-- The tables of which a partial backup needs not even the definition, and the sequences that these tables own.
--
-- %(saved)s: the OIDs of the tables whose rows are saved. %(keys)s: the OIDs of the foreign keys that are not restored.
-- %(ledger)s: the schema of the ledger. A table is needed if an object depends on it that is not a part of another
-- unneeded table. Functions whose body is a text may read any table. If the restore can call such a function, for
-- example in a CHECK constraint or a materialized view, all tables are needed.
with recursive
members as (
    select classid, objid from pg_catalog.pg_depend where deptype = 'e'
),
candidates as (
    select c.oid, c.relname, n.nspname
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_'
        and n.nspname not in ('information_schema', %(ledger)s)
        and c.oid <> all (%(saved)s::oid[])
        and not exists (
            select from members m where m.classid = 'pg_catalog.pg_class'::regclass and m.objid = c.oid
        )
),
-- The relation that each object is a part of
parts (classid, objid, relation) as (
    select 'pg_catalog.pg_class'::regclass::oid, c.oid, coalesce(x.indrelid, s.refobjid, c.oid)
    from pg_catalog.pg_class c
    left join pg_catalog.pg_index x on x.indexrelid = c.oid
    left join pg_catalog.pg_depend s on c.relkind = 'S' and s.objid = c.oid and s.deptype in ('a', 'i')
        and s.classid = 'pg_catalog.pg_class'::regclass and s.refclassid = 'pg_catalog.pg_class'::regclass
    where c.relnamespace <> 'pg_toast'::regnamespace
    union all
    select 'pg_catalog.pg_constraint'::regclass, oid, conrelid from pg_catalog.pg_constraint where conrelid <> 0
    union all
    select 'pg_catalog.pg_trigger'::regclass, oid, tgrelid from pg_catalog.pg_trigger
    union all
    select 'pg_catalog.pg_policy'::regclass, oid, polrelid from pg_catalog.pg_policy
    union all
    select 'pg_catalog.pg_attrdef'::regclass, oid, adrelid from pg_catalog.pg_attrdef
    union all
    select 'pg_catalog.pg_rewrite'::regclass, oid, ev_class from pg_catalog.pg_rewrite
    union all
    select 'pg_catalog.pg_statistic_ext'::regclass, oid, stxrelid from pg_catalog.pg_statistic_ext
    union all
    select 'pg_catalog.pg_type'::regclass, t.oid, coalesce(nullif(t.typrelid, 0), e.typrelid)
    from pg_catalog.pg_type t
    left join pg_catalog.pg_type e on e.oid = t.typelem
    where t.typrelid <> 0 or e.typrelid <> 0
),
keys_left_out as (
    select unnest(%(keys)s::oid[]) as oid
    union
    select k.oid from keys_left_out l join pg_catalog.pg_constraint k on k.conparentid = l.oid
),
-- `needs` is null for an object that is not a part of a relation, such as a function, or a table's entry in a publication,
-- which pg_dump 17 and newer dump without the table
edges (needs, needed) as (
    select distinct p.relation, r.relation
    from pg_catalog.pg_depend d
    join parts r on r.classid = d.refclassid and r.objid = d.refobjid
    join candidates c on c.oid = r.relation
    left join parts p on p.classid = d.classid and p.objid = d.objid
    where p.relation is distinct from r.relation
        and (d.classid <> 'pg_catalog.pg_class'::regclass or p.relation is not null)  -- not a TOAST table
        -- The triggers of a foreign key on the referenced table do not need the other table
        and (d.classid <> 'pg_catalog.pg_trigger'::regclass or d.deptype <> 'i')
        and (
            d.classid <> 'pg_catalog.pg_constraint'::regclass
            or not exists (select from keys_left_out k where k.oid = d.objid)
        )
    union
    -- A partitioned table is kept whole
    select i.inhparent, i.inhrelid
    from pg_catalog.pg_inherits i
    join candidates c on c.oid = i.inhrelid
    join pg_catalog.pg_class r on r.oid = i.inhrelid and r.relispartition
),
needed (oid) as (
    select e.needed from edges e where not exists (select from candidates c where c.oid = e.needs)
    union
    select e.needed from needed n join edges e on e.needs = n.oid
),
unneeded as (
    select c.oid, c.nspname, c.relname from candidates c where not exists (select from needed n where n.oid = c.oid)
)
select u.nspname::text, u.relname::text, u.is_table
from (
    select nspname, relname, true from unneeded
    union all
    select n.nspname, c.relname, false
    from parts p
    join unneeded t on t.oid = p.relation
    join pg_catalog.pg_class c on c.oid = p.objid and c.relkind = 'S' and p.classid = 'pg_catalog.pg_class'::regclass
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
) as u (nspname, relname, is_table)
where not exists (
    select
    from pg_catalog.pg_depend d
    join pg_catalog.pg_proc f on d.refclassid = 'pg_catalog.pg_proc'::regclass and f.oid = d.refobjid
    join pg_catalog.pg_namespace n on n.oid = f.pronamespace
    left join parts p on p.classid = d.classid and p.objid = d.objid
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and not exists (
            select from members m where m.classid = 'pg_catalog.pg_proc'::regclass and m.objid = f.oid
        )
        and not exists (select from unneeded t where t.oid = p.relation)
        and (
            d.classid in (
                'pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_class'::regclass, 'pg_catalog.pg_cast'::regclass,
                'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_type'::regclass, 'pg_catalog.pg_amproc'::regclass
            )
            or d.classid = 'pg_catalog.pg_attrdef'::regclass and exists (
                select
                from pg_catalog.pg_attrdef v
                join pg_catalog.pg_attribute a on a.attrelid = v.adrelid and a.attnum = v.adnum
                where v.oid = d.objid and a.attgenerated <> ''
            )
            or d.classid = 'pg_catalog.pg_rewrite'::regclass and exists (
                select from pg_catalog.pg_class v where v.relkind = 'm'
            )
        )
)
order by 1, 2

-- The OIDs of relations, routines and types whose definition may have changed, because one of their catalog rows is in
-- one of the buckets, or because they depend on such an object: a definition contains the names of other objects.
-- The class is 'unit', or the catalog of another dependent object, of which nothing can be read alone.
with recursive touched (class, oid) as (
    select 'pg_class'::regclass::oid, c.oid from pg_class c where c.oid >= 16384 and c.oid::bigint % {buckets} = any({dirty})
    union all
    select 'pg_type'::regclass, t.oid from pg_type t where t.oid >= 16384 and t.oid::bigint % {buckets} = any({dirty})
    union all
    select 'pg_proc'::regclass, p.oid from pg_proc p where p.oid >= 16384 and p.oid::bigint % {buckets} = any({dirty})
),
dependent (class, oid) as (
    select t.class, t.oid from touched t
    union
    select e.class, e.oid
    from dependent d
    cross join lateral (
        select p.classid, p.objid from pg_depend p
        where p.refclassid = d.class and p.refobjid = d.oid and p.deptype <> 'e'
        union all
        -- the rule of a view is the view
        select 'pg_class'::regclass, r.ev_class from pg_rewrite r where d.class = 'pg_rewrite'::regclass and r.oid = d.oid
        union all
        select 'pg_type'::regclass, c.reltype from pg_class c
        where d.class = 'pg_class'::regclass and c.oid = d.oid and c.relkind = 'c'
        union all
        select 'pg_type'::regclass, r.rngtypid from pg_range r
        where d.class = 'pg_type'::regclass and r.rngmultitypid = d.oid
    ) e (class, oid)
),
part (class, oid) as (
    select d.class, d.oid from dependent d
    -- of these, only the comment or the extension may have changed
    union all
    select 'pg_constraint'::regclass, k.oid from pg_constraint k where k.oid >= 16384 and k.oid::bigint % {buckets} = any({dirty})
    union all
    select 'pg_trigger'::regclass, t.oid from pg_trigger t where not t.tgisinternal and t.oid::bigint % {buckets} = any({dirty})
    union all
    select 'pg_rewrite'::regclass, r.oid from pg_rewrite r where r.oid >= 16384 and r.oid::bigint % {buckets} = any({dirty})
    union all
    select 'pg_policy'::regclass, p.oid from pg_policy p where p.oid::bigint % {buckets} = any({dirty})
    union all
    select 'pg_statistic_ext'::regclass, s.oid from pg_statistic_ext s where s.oid::bigint % {buckets} = any({dirty})
)
select distinct
    case when p.class in ({classes}, 'pg_attrdef'::regclass) then 'unit' else p.class::regclass::text end as class,
    u.oid
from part p
cross join lateral (
    select p.oid
    union all
    select x.indrelid from pg_index x where p.class = 'pg_class'::regclass and x.indexrelid = p.oid
    union all
    select f.adrelid from pg_attrdef f where p.class = 'pg_attrdef'::regclass and f.oid = p.oid
    union all
    select case when k.conrelid <> 0 then k.conrelid else k.contypid end
    from pg_constraint k where p.class = 'pg_constraint'::regclass and k.oid = p.oid
    union all
    select t.tgrelid from pg_trigger t where p.class = 'pg_trigger'::regclass and t.oid = p.oid
    union all
    select r.ev_class from pg_rewrite r where p.class = 'pg_rewrite'::regclass and r.oid = p.oid
    union all
    select l.polrelid from pg_policy l where p.class = 'pg_policy'::regclass and l.oid = p.oid
    union all
    select s.stxrelid from pg_statistic_ext s where p.class = 'pg_statistic_ext'::regclass and s.oid = p.oid
) u;

-- Which parts of the catalogs changed since an earlier fingerprint. Every change of a catalog row stores a new row with
-- a new xmin. So a hash of the rows' keys and xmin changes with each change, whatever command made the change.
-- Each row belongs to an OID. The OIDs are divided into {buckets} buckets, and each bucket has one hash. Bucket -1 has
-- the rows of the catalogs that are small, and of those whose names other objects' definitions contain.
select s.bucket, bit_xor(s.hash)
from (
    select c.oid::bigint % {buckets} as bucket, hashtextextended('relation ' || c.xmin::text, c.oid::bigint) as hash
    from pg_class c where c.oid >= 16384
    union all
    select x.indrelid::bigint % {buckets}, hashtextextended('index ' || x.xmin::text, x.indexrelid::bigint)
    from pg_index x where x.indrelid >= 16384
    union all
    select a.attrelid::bigint % {buckets}, hashtextextended(a.xmin::text, a.attrelid::bigint << 16 | a.attnum)
    from pg_attribute a where a.attrelid >= 16384 and a.attnum > 0
    union all
    select f.adrelid::bigint % {buckets}, hashtextextended('default ' || f.xmin::text, f.oid::bigint)
    from pg_attrdef f where f.adrelid >= 16384
    union all
    select (case when k.conrelid <> 0 then k.conrelid else k.contypid end)::bigint % {buckets},
        hashtextextended('constraint ' || k.xmin::text, k.oid::bigint)
    from pg_constraint k where k.oid >= 16384
    union all
    select t.tgrelid::bigint % {buckets}, hashtextextended('trigger ' || t.xmin::text, t.oid::bigint)
    from pg_trigger t where not t.tgisinternal
    union all
    select r.ev_class::bigint % {buckets}, hashtextextended('rule ' || r.xmin::text, r.oid::bigint)
    from pg_rewrite r where r.ev_class >= 16384
    union all
    select p.polrelid::bigint % {buckets}, hashtextextended('policy ' || p.xmin::text, p.oid::bigint)
    from pg_policy p
    union all
    select s.stxrelid::bigint % {buckets}, hashtextextended('statistics ' || s.xmin::text, s.oid::bigint)
    from pg_statistic_ext s
    union all
    select s.seqrelid::bigint % {buckets}, hashtextextended('sequence ' || s.xmin::text, s.seqrelid::bigint)
    from pg_sequence s
    union all
    select d.objid::bigint % {buckets},
        hashtextextended('owner ' || d.xmin::text, d.objid::bigint << 32 | d.refobjid::bigint)
    from pg_sequence s
    join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.seqrelid and d.deptype in ('a', 'i')
    union all
    select i.inhrelid::bigint % {buckets},
        hashtextextended('parent ' || i.xmin::text, i.inhrelid::bigint << 32 | i.inhparent::bigint)
    from pg_inherits i
    union all
    select f.ftrelid::bigint % {buckets}, hashtextextended('foreign ' || f.xmin::text, f.ftrelid::bigint)
    from pg_foreign_table f
    union all
    select t.oid::bigint % {buckets}, hashtextextended('type ' || t.xmin::text, t.oid::bigint)
    from pg_type t where t.oid >= 16384
    union all
    select e.enumtypid::bigint % {buckets}, hashtextextended('label ' || e.xmin::text, e.oid::bigint)
    from pg_enum e
    union all
    select r.rngtypid::bigint % {buckets}, hashtextextended('range ' || r.xmin::text, r.rngtypid::bigint)
    from pg_range r where r.rngtypid >= 16384
    union all
    select p.oid::bigint % {buckets}, hashtextextended('routine ' || p.xmin::text, p.oid::bigint)
    from pg_proc p where p.oid >= 16384
    union all
    select a.aggfnoid::bigint % {buckets}, hashtextextended('aggregate ' || a.xmin::text, a.aggfnoid::bigint)
    from pg_aggregate a where a.aggfnoid >= 16384
    union all
    select m.objid::bigint % {buckets}, hashtextextended('member ' || m.xmin::text, m.objid::bigint)
    from pg_depend m where m.refclassid = 'pg_extension'::regclass and m.deptype = 'e'
    union all
    select d.objoid::bigint % {buckets},
        hashtextextended('comment ' || d.xmin::text, d.objoid::bigint << 16 | d.objsubid)
    from pg_description d
    where d.objoid >= 16384 and d.classoid in ({classes})
    union all
    select -1, hashtextextended('comment ' || d.xmin::text, d.objoid::bigint)
    from pg_description d where d.classoid not in ({classes})
    union all
    {small}
) s
group by s.bucket;

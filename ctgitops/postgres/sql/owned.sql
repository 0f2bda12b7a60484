-- Every object of the database that has an owner, as `kind, identity, whether to drop it`: those of ROLES are to be
-- dropped, except the schema public, and the extensions in KEPT with their schemas. For a table that stays, also its
-- columns, defaults and constraints, which a DROP … CASCADE of something else can remove. Identities are quoted.
-- Left out: members of extensions, parts of other objects, what initdb created, and our own schema.
with staying(schema) as (
    select oid from pg_catalog.pg_namespace where nspname = 'public'
    union all select extnamespace from pg_catalog.pg_extension where extname = any (KEPT)
),
owned(classid, objid, owner, namespace) as (
    select 'pg_catalog.pg_namespace'::regclass::oid, oid, nspowner, oid from pg_catalog.pg_namespace
    union all select 'pg_catalog.pg_class'::regclass, oid, relowner, relnamespace from pg_catalog.pg_class
        where relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    union all select 'pg_catalog.pg_proc'::regclass, oid, proowner, pronamespace from pg_catalog.pg_proc
    union all select 'pg_catalog.pg_type'::regclass, oid, typowner, typnamespace from pg_catalog.pg_type
    union all select 'pg_catalog.pg_operator'::regclass, oid, oprowner, oprnamespace from pg_catalog.pg_operator
    union all select 'pg_catalog.pg_opclass'::regclass, oid, opcowner, opcnamespace from pg_catalog.pg_opclass
    union all select 'pg_catalog.pg_opfamily'::regclass, oid, opfowner, opfnamespace from pg_catalog.pg_opfamily
    union all select 'pg_catalog.pg_collation'::regclass, oid, collowner, collnamespace from pg_catalog.pg_collation
    union all select 'pg_catalog.pg_conversion'::regclass, oid, conowner, connamespace from pg_catalog.pg_conversion
    union all select 'pg_catalog.pg_statistic_ext'::regclass, oid, stxowner, stxnamespace
        from pg_catalog.pg_statistic_ext
    union all select 'pg_catalog.pg_ts_config'::regclass, oid, cfgowner, cfgnamespace from pg_catalog.pg_ts_config
    union all select 'pg_catalog.pg_ts_dict'::regclass, oid, dictowner, dictnamespace from pg_catalog.pg_ts_dict
    union all select 'pg_catalog.pg_extension'::regclass, oid, extowner, 0 from pg_catalog.pg_extension
    union all select 'pg_catalog.pg_event_trigger'::regclass, oid, evtowner, 0 from pg_catalog.pg_event_trigger
    union all select 'pg_catalog.pg_foreign_data_wrapper'::regclass, oid, fdwowner, 0
        from pg_catalog.pg_foreign_data_wrapper
    union all select 'pg_catalog.pg_foreign_server'::regclass, oid, srvowner, 0 from pg_catalog.pg_foreign_server
    union all select 'pg_catalog.pg_language'::regclass, oid, lanowner, 0 from pg_catalog.pg_language
    union all select 'pg_catalog.pg_publication'::regclass, oid, pubowner, 0 from pg_catalog.pg_publication
    union all select 'pg_catalog.pg_largeobject'::regclass, oid, lomowner, 0 from pg_catalog.pg_largeobject_metadata
),
whole as (
    select o.classid, o.objid,
        o.owner = any (ROLES)
        and not (o.classid = 'pg_catalog.pg_namespace'::regclass and o.objid in (select schema from staying))
        and not exists (
            select from pg_catalog.pg_extension e
            where o.classid = 'pg_catalog.pg_extension'::regclass and e.oid = o.objid and e.extname = any (KEPT)
        ) as mine
    from owned o
    left join pg_catalog.pg_namespace n on n.oid = o.namespace
    where (o.objid >= 16384 or o.classid = 'pg_catalog.pg_largeobject'::regclass)
        -- FirstNormalObjectId: initdb created what is below, except large objects, whose OID a user may choose
        and (n.nspname is null or n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'ctgitops'))
        and not exists (
            select from pg_catalog.pg_depend d
            where d.classid = o.classid and d.objid = o.objid and d.objsubid = 0 and d.deptype in ('e', 'i')
        )
),
parts(classid, objid, objsubid) as (
    select w.classid, w.objid, a.attnum::int from whole w join pg_catalog.pg_attribute a on a.attrelid = w.objid
        where not w.mine and w.classid = 'pg_catalog.pg_class'::regclass and a.attnum > 0 and not a.attisdropped
    union all select 'pg_catalog.pg_attrdef'::regclass, d.oid, 0
        from whole w join pg_catalog.pg_attrdef d on d.adrelid = w.objid
        where not w.mine and w.classid = 'pg_catalog.pg_class'::regclass
    union all select 'pg_catalog.pg_constraint'::regclass, c.oid, 0
        from whole w join pg_catalog.pg_constraint c on w.objid in (c.conrelid, c.contypid)
        where not w.mine
)
select i.type, i.identity, w.mine
from whole w, pg_catalog.pg_identify_object(w.classid, w.objid, 0) i
union all
select i.type, i.identity, false
from parts p, pg_catalog.pg_identify_object(p.classid, p.objid, p.objsubid) i

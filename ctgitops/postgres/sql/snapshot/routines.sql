-- Functions, types, operators, casts and text search: objects with names of their own in a schema.
select case p.prokind when 'p' then 'procedure' when 'w' then 'window function' else 'function' end as kind,
    p.oid::regprocedure::text as name, null as of, p.oid as unit,
    pg_get_userbyid(p.proowner) as owner,
    pg_get_function_arguments(p.oid) as arguments,
    pg_get_function_result(p.oid) as returns,
    l.lanname as language,
    case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
    case when p.proisstrict then 'yes' end as strict,
    case when p.prosecdef then 'definer' end as security,
    case when p.proleakproof then 'yes' end as leakproof,
    case p.proparallel when 's' then 'safe' when 'r' then 'restricted' end as parallel,
    case when p.procost <> case when l.lanname in ('internal', 'c') then 1 else 100 end then p.procost::text end as cost,
    case when p.proretset and p.prorows <> 1000 then p.prorows::text end as rows,
    case when p.prosupport <> 0 then p.prosupport::regprocedure::text end as support,
    array_to_string(p.proconfig, E'\n') as settings,
    p.probin as library,
    coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) as body,
    d.description as comment
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
left join pg_description d on d.classoid = 'pg_proc'::regclass and d.objoid = p.oid
where p.prokind <> 'a' and {ours} and {unit p.oid} and p.oid not in ({members of pg_proc})
    -- the constructors that each range type includes
    and not exists (
        select from pg_depend i where i.classid = 'pg_proc'::regclass and i.objid = p.oid and i.deptype = 'i'
            and i.refclassid = 'pg_type'::regclass
    );

select 'aggregate' as kind, p.oid::regprocedure::text as name, null as of, p.oid as unit,
    pg_get_userbyid(p.proowner) as owner,
    pg_get_function_arguments(p.oid) as arguments,
    a.aggkind::text as aggregate_kind,
    a.aggtransfn::text as transition,
    format_type(a.aggtranstype, null) as state,
    a.agginitval as initial,
    nullif(a.aggfinalfn::text, '-') as final,
    nullif(a.aggcombinefn::text, '-') as combine,
    nullif(a.aggserialfn::text, '-') as serial,
    nullif(a.aggdeserialfn::text, '-') as deserial,
    nullif(a.aggmtransfn::text, '-') as moving_transition,
    nullif(a.aggminvtransfn::text, '-') as moving_inverse,
    nullif(a.aggmfinalfn::text, '-') as moving_final,
    a.aggminitval as moving_initial,
    nullif(a.aggsortop, 0)::regoperator::text as sort_operator,
    case p.proparallel when 's' then 'safe' when 'r' then 'restricted' end as parallel,
    d.description as comment
from pg_aggregate a
join pg_proc p on p.oid = a.aggfnoid
join pg_namespace n on n.oid = p.pronamespace
left join pg_description d on d.classoid = 'pg_proc'::regclass and d.objoid = p.oid
where {ours} and {unit a.aggfnoid} and p.oid not in ({members of pg_proc});

select
    case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'c' then 'composite type' when 'r' then 'range type'
        else 'type' end as kind,
    t.oid::regtype::text as name, null as of, t.oid as unit,
    pg_get_userbyid(t.typowner) as owner,
    case when t.typtype = 'e' then (
        select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid
    ) end as labels,
    case when t.typtype = 'c' then (
        select string_agg(
            quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                || case when a.attcollation not in (b.typcollation, 0)
                    then ' collate ' || a.attcollation::regcollation else '' end,
            ', ' order by a.attnum
        )
        from pg_attribute a join pg_type b on b.oid = a.atttypid
        where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    ) end as fields,
    case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as base,
    case when t.typtype = 'd' and t.typnotnull then 'yes' end as not_null,
    case when t.typtype = 'd' then coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) end as "default",
    case when t.typtype = 'd' and t.typcollation not in (b.typcollation, 0) then t.typcollation::regcollation::text end
        as collation,
    format_type(nullif(r.rngsubtype, 0), null) as subtype,
    case when r.rngcollation not in (s.typcollation, 0) then r.rngcollation::regcollation::text end as range_collation,
    case when r.rngtypid is not null then (
        select case when o.opcdefault then null else format('%I.%I', m.nspname, o.opcname) end
        from pg_opclass o join pg_namespace m on m.oid = o.opcnamespace where o.oid = r.rngsubopc
    ) end as operator_class,
    nullif(r.rngcanonical::text, '-') as canonical,
    nullif(r.rngsubdiff::text, '-') as difference,
    nullif(r.rngmultitypid, 0)::regtype::text as multirange,
    case when t.typtype = 'b' then t.typinput::text end as input,
    case when t.typtype = 'b' then t.typoutput::text end as output,
    d.description as comment
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_class c on c.oid = t.typrelid
left join pg_type b on b.oid = t.typbasetype
left join pg_range r on r.rngtypid = t.oid
left join pg_type s on s.oid = r.rngsubtype
left join pg_description d on d.classoid = 'pg_type'::regclass and d.objoid = t.oid
where (t.typtype in ('e', 'd', 'r') or t.typtype = 'c' and c.relkind = 'c'
        or t.typtype = 'b' and not exists (select from pg_type e where e.typarray = t.oid))
    and {ours} and {unit t.oid} and t.oid not in ({members of pg_type});

select 'operator' as kind, o.oid::regoperator::text as name, null as of, 0 as unit,
    pg_get_userbyid(o.oprowner) as owner,
    o.oprcode::text as function,
    format_type(nullif(o.oprresult, 0), null) as result,
    nullif(o.oprcom, 0)::regoperator::text as commutator,
    nullif(o.oprnegate, 0)::regoperator::text as negator,
    nullif(o.oprrest::text, '-') as restrict,
    nullif(o.oprjoin::text, '-') as "join",
    concat_ws(', ', case when o.oprcanmerge then 'merges' end, case when o.oprcanhash then 'hashes' end) as joins_by,
    d.description as comment
from pg_operator o
join pg_namespace n on n.oid = o.oprnamespace
left join pg_description d on d.classoid = 'pg_operator'::regclass and d.objoid = o.oid
where {ours} and o.oid not in ({members of pg_operator});

select 'operator class' as kind, format('%I.%I using %I', n.nspname, o.opcname, m.amname) as name, null as of, 0 as unit,
    pg_get_userbyid(o.opcowner) as owner,
    format_type(o.opcintype, null) as type,
    case when o.opcdefault then 'yes' end as "default",
    format_type(nullif(o.opckeytype, 0), null) as key_type,
    format('%I.%I', g.nspname, f.opfname) as family,
    (
        select string_agg(format('%s %s', a.amopstrategy, a.amopopr::regoperator), ', ' order by a.amopstrategy, a.amopopr::regoperator::text)
        from pg_amop a where a.amopfamily = f.oid
    ) as operators,
    (
        select string_agg(format('%s %s', a.amprocnum, a.amproc), ', ' order by a.amprocnum, a.amproc::text)
        from pg_amproc a where a.amprocfamily = f.oid
    ) as functions,
    d.description as comment
from pg_opclass o
join pg_namespace n on n.oid = o.opcnamespace
join pg_am m on m.oid = o.opcmethod
join pg_opfamily f on f.oid = o.opcfamily
join pg_namespace g on g.oid = f.opfnamespace
left join pg_description d on d.classoid = 'pg_opclass'::regclass and d.objoid = o.oid
where {ours} and o.oid not in ({members of pg_opclass});

select 'cast' as kind, format('%s as %s', format_type(c.castsource, null), format_type(c.casttarget, null)) as name,
    null as of, 0 as unit,
    case c.castcontext when 'e' then 'explicit' when 'a' then 'assignment' else 'implicit' end as context,
    case c.castmethod when 'b' then 'binary' when 'i' then 'in and out' else c.castfunc::regprocedure::text end as method,
    d.description as comment
from pg_cast c
left join pg_description d on d.classoid = 'pg_cast'::regclass and d.objoid = c.oid
where c.oid >= 16384 and c.oid not in ({members of pg_cast});

select 'collation' as kind, format('%I.%I', n.nspname, c.collname) as name, null as of, 0 as unit,
    pg_get_userbyid(c.collowner) as owner,
    case c.collprovider when 'i' then 'icu' when 'c' then 'libc' when 'b' then 'builtin' else 'default' end as provider,
    coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', c.collcollate) as locale,
    case when not c.collisdeterministic then 'no' end as deterministic,
    d.description as comment
from pg_collation c
join pg_namespace n on n.oid = c.collnamespace
left join pg_description d on d.classoid = 'pg_collation'::regclass and d.objoid = c.oid
where {ours} and c.oid not in ({members of pg_collation});

select 'text search configuration' as kind, format('%I.%I', n.nspname, c.cfgname) as name, null as of, 0 as unit,
    pg_get_userbyid(c.cfgowner) as owner,
    (select format('%I.%I', m.nspname, p.prsname) from pg_ts_parser p join pg_namespace m on m.oid = p.prsnamespace
        where p.oid = c.cfgparser) as parser,
    (select string_agg(format('%s: %s', t.maptokentype, t.mapdict::regdictionary), ', ' order by t.maptokentype, t.mapseqno)
        from pg_ts_config_map t where t.mapcfg = c.oid) as mappings,
    d.description as comment
from pg_ts_config c
join pg_namespace n on n.oid = c.cfgnamespace
left join pg_description d on d.classoid = 'pg_ts_config'::regclass and d.objoid = c.oid
where {ours} and c.oid not in ({members of pg_ts_config});

select 'text search dictionary' as kind, format('%I.%I', n.nspname, c.dictname) as name, null as of, 0 as unit,
    pg_get_userbyid(c.dictowner) as owner,
    (select format('%I.%I', m.nspname, p.tmplname) from pg_ts_template p join pg_namespace m on m.oid = p.tmplnamespace
        where p.oid = c.dicttemplate) as template,
    c.dictinitoption as options,
    d.description as comment
from pg_ts_dict c
join pg_namespace n on n.oid = c.dictnamespace
left join pg_description d on d.classoid = 'pg_ts_dict'::regclass and d.objoid = c.oid
where {ours} and c.oid not in ({members of pg_ts_dict});

-- The queries of `verify --deep`: kind, name, the FROM and WHERE that find violating rows, and the reason if the check
-- is not possible. Every name is qualified, since search_path is empty while this runs. A partition's copy of a
-- constraint is left out: its parent's query reads the partition too.
with tables as (
    select c.oid, c.relkind, format('%I.%I', n.nspname, c.relname) as name,
        case when c.relkind = 'p' then '' else 'only ' end || format('%I.%I', n.nspname, c.relname) as rows_of
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and c.relpersistence <> 't'
        and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'ctgitops')
),
keys as (
    select k.oid, k.confmatchtype, t.name, t.rows_of, k.conname, p.rows_of as parent,
        to_jsonb(k) ->> 'conperiod' = 'true' as temporal,
        string_agg(
            format('p.%I operator(%I.%s) f.%I', pa.attname, n.nspname, o.oprname, fa.attname), ' and ' order by u.at
        ) as joined,
        string_agg(format('f.%I', fa.attname), ', ' order by u.at) as columns
    from pg_catalog.pg_constraint k
    join tables t on t.oid = k.conrelid
    join tables p on p.oid = k.confrelid
    cross join unnest(k.conkey, k.confkey, k.conpfeqop) with ordinality u (key, parent_key, operator, at)
    join pg_catalog.pg_attribute fa on fa.attrelid = k.conrelid and fa.attnum = u.key
    join pg_catalog.pg_attribute pa on pa.attrelid = k.confrelid and pa.attnum = u.parent_key
    join pg_catalog.pg_operator o on o.oid = u.operator
    join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
    where k.contype = 'f' and k.convalidated and k.conparentid = 0
    group by k.oid, k.confmatchtype, t.name, t.rows_of, k.conname, p.rows_of, to_jsonb(k)
),
required as (
    select t.name, t.rows_of, a.attname, (row_number() over (partition by t.oid order by a.attnum) - 1) / 100 as chunk
    from pg_catalog.pg_attribute a
    join tables t on t.oid = a.attrelid
    where a.attnum > 0 and a.attnotnull and not a.attisdropped and coalesce(to_jsonb(a) ->> 'attgenerated', '') <> 'v'
        and not exists (  -- since 18 a NOT NULL can be NOT VALID
            select from pg_catalog.pg_constraint c
            where c.conrelid = a.attrelid and c.contype = 'n' and not c.convalidated and a.attnum = any(c.conkey)
        )
        and not exists (select from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
            where c.oid = t.oid and c.relispartition)
),
uniques as (
    select t.name, t.rows_of, x.indexrelid::pg_catalog.regclass::text as index, pg_catalog.pg_get_expr(x.indpred, x.indrelid) as predicate,
        coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::boolean, false) as nulls_too,
        (
            -- Not a bare expression: GROUP BY refuses a constant, and takes an integer for a position
            select string_agg(
                format(
                    case when x.indkey[k - 1] = 0 then 'coalesce(%s)' else '%s' end,
                    pg_catalog.pg_get_indexdef(x.indexrelid, k, true)
                ), ', ' order by k
            )
            from generate_series(1, x.indnkeyatts::int) k
        ) as columns,
        (
            select string_agg(format('(%s) is not null', pg_catalog.pg_get_indexdef(x.indexrelid, k, true)), ' and ' order by k)
            from generate_series(1, x.indnkeyatts::int) k
        ) as filled
    from pg_catalog.pg_index x
    join pg_catalog.pg_class i on i.oid = x.indexrelid
    join tables t on t.oid = x.indrelid
    where x.indisunique and x.indisvalid and i.relkind = 'i'
)
select 'foreign key', format('%s of %s', quote_ident(conname), name),
    format(
        '%s f where %s and not exists (select from %s p where %s)', rows_of,
        case confmatchtype
            when 'f' then format('pg_catalog.num_nonnulls(%s) operator(pg_catalog.>) 0', columns)
            else format('pg_catalog.num_nulls(%s) operator(pg_catalog.=) 0', columns)
        end,
        parent, joined
    ),
    case when temporal then 'it is over a period' end
from keys
union all
select 'CHECK constraint', format('%I of %s', k.conname, t.name),
    format('%s where (%s) is false', t.rows_of, pg_catalog.pg_get_expr(k.conbin, k.conrelid)), null
from pg_catalog.pg_constraint k
join tables t on t.oid = k.conrelid
where k.contype = 'c' and k.convalidated and k.conparentid = 0
    and coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true'
    and not exists (select from pg_catalog.pg_class c where c.oid = t.oid and c.relispartition and k.coninhcount > 0)
union all
-- A function, because since 17 the planner treats `is null` of such a column as false. It takes 100 arguments.
select 'NOT NULL', format('of %s in %s', string_agg(quote_ident(attname), ', ' order by attname), name),
    format('%s where pg_catalog.num_nulls(%s) operator(pg_catalog.>) 0', rows_of, string_agg(quote_ident(attname), ', ' order by attname)), null
from required
group by name, rows_of, chunk
union all
select 'unique index', format('%s of %s', index, name),
    format(
        '(select from %s where %s group by %s having pg_catalog.count(*) operator(pg_catalog.>) 1) twice', rows_of,
        concat_ws(' and ', case when not nulls_too then filled else 'true' end, '(' || predicate || ')'), columns
    ),
    null
from uniques
order by 1, 2

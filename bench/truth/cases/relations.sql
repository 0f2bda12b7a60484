-- Tables as wholes
alter table wide set (fillfactor = 50, autovacuum_enabled = off)
alter table wide reset (fillfactor)
alter table wide set (toast.autovacuum_enabled = off)
alter table wide set logged
alter table wide set unlogged
alter table loose set logged
alter table loose_2 set logged
alter table loose_2 set unlogged
alter table many set unlogged
alter table many set unlogged, add column aa int
alter table many set logged, add column aa int
alter table parts set unlogged
alter table parts_2025 set unlogged
alter table wide set tablespace pg_default
alter table many set access method heap
alter table many set access method default
alter table many set without oids
alter table many set without cluster
alter table many cluster on many_pkey
alter table child replica identity using index child_n
alter table wide replica identity full
alter table wide replica identity nothing
alter table wide enable row level security
alter table wide force row level security
alter table wide no force row level security
alter table wide disable row level security
alter table wide enable trigger on_wide_touch
alter table wide disable trigger on_wide_touch
alter table wide disable trigger all
alter table wide enable always trigger on_wide_touch
alter table parent disable rule wide_rule
alter table parent enable rule wide_rule
alter table wide owner to some_role
alter table wide rename to wider
alter table wide set schema other
alter table if exists nothing_here rename to something
alter table bare inherit lonely_2
alter table derived no inherit base
alter table one_like of one
alter table of_one not of
alter table wide rename constraint wide_pkey to wide_key
alter index wide_b rename to wide_bb
alter index wide_b set (fillfactor = 60)
alter index wide_b reset (fillfactor)
alter index wide_b set tablespace pg_default
alter index wide_expr alter column 1 set statistics 100
alter table all in tablespace pg_default set tablespace pg_default
alter materialized view totals set (fillfactor = 50)
alter materialized view totals cluster on totals_parent
alter materialized view totals owner to some_role
alter materialized view totals set schema other
alter materialized view totals rename column c to d
alter view seen rename to saw
alter view seen set (security_barrier = true)
alter view seen owner to some_role
alter sequence child_seq restart
alter sequence child_seq increment by 2
alter sequence child_seq as bigint
alter sequence child_seq owned by wide.id
alter sequence child_seq rename to s
alter sequence child_seq owner to some_role
alter sequence child_seq set unlogged
alter statistics wide_stats set statistics 100
alter statistics wide_stats rename to ws
-- Partitions
alter table parts attach partition unproved for values from ('2026-01-01') to ('2027-01-01')
alter table parts attach partition half for values from ('2026-01-01') to ('2027-01-01')
alter table parts attach partition half for values from ('2026-01-01') to (maxvalue)
alter table parts attach partition tighter for values from ('2026-01-01') to ('2027-01-01')
alter table parts attach partition cast_proof for values from ('2026-01-01') to ('2027-01-01')
alter table parts attach partition cast_proof for values from (date '2026-01-01') to (date '2027-01-01')
alter table parts attach partition later_proof for values from ('2026-01-01') to ('2027-01-01')
alter table empty_parts attach partition proved for values from (minvalue) to (maxvalue)
alter table parts attach partition proved for values from ('2026-01-01') to ('2028-01-01')
alter table parts attach partition proved for values from ('2026-01-02') to ('2027-01-01')
alter table parts attach partition proved default
alter table parts attach partition unproved default
alter table empty_parts attach partition unproved for values from ('2026-01-01') to ('2027-01-01')
alter table empty_parts attach partition proved for values from ('2026-01-01') to ('2027-01-01')
alter table nullable_key attach partition nullable_2 for values from ('2026-01-01') to ('2027-01-01')
alter table nullable_key attach partition nullable_3 for values from ('2026-01-01') to ('2027-01-01')
alter table lists attach partition list_c for values in ('c')
alter table lists attach partition list_d for values in ('d')
alter table lists attach partition list_c for values in ('c', 'd')
alter table lists_2 attach partition list_c for values in ('c')
alter table lists_2 attach partition list_d for values in ('d')
alter table hashed attach partition hash_1 for values with (modulus 2, remainder 1)
alter table multi attach partition multi_2 for values from (10, 10) to (20, 20)
alter table deep attach partition unproved for values from ('2027-01-01') to ('2028-01-01')
alter table other_parts attach partition proved for values from ('2026-01-01') to ('2027-01-01')
create table fresh (id int not null, at date not null); alter table parts attach partition fresh for values from ('2026-01-01') to ('2027-01-01')
create table fresh (id int not null, at date not null); alter table other_parts attach partition fresh for values from ('2026-01-01') to ('2027-01-01')
create table fresh (like parts including all); alter table parts attach partition fresh for values from ('2026-01-01') to ('2027-01-01')
alter table parts detach partition parts_2025
alter table parts detach partition parts_2025 concurrently
alter table lists detach partition lists_rest
alter table lists detach partition lists_a
alter table deep detach partition deep_2025
create table fresh partition of parts for values from ('2026-01-01') to ('2027-01-01')
create table fresh partition of parts default
create table fresh partition of lists for values in ('z')
create table fresh partition of lists_2 for values in ('c')
create table fresh partition of lists_2 for values in ('z')
create table fresh partition of hashed for values with (modulus 2, remainder 1)
create table fresh partition of deep for values from ('2027-01-01') to ('2028-01-01')
create table fresh partition of ranged for values from ('2026-01-01') to ('2027-01-01')
create table if not exists fresh partition of parts for values from ('2026-01-01') to ('2027-01-01')
create table if not exists parts_2025 partition of parts for values from ('2026-01-01') to ('2027-01-01')
create table fresh partition of other_parts for values from ('2026-01-01') to ('2027-01-01') partition by range (id)
create table fresh (id int) partition by range (id)
create table fresh (id int) partition by range (id); create table fresh_1 partition of fresh default; create table fresh_2 partition of fresh for values from (1) to (2)
drop table parts_2025
drop table parts
create table fresh partition of early for values from ('2026-01-01') to ('2027-01-01')
create table fresh partition of early for values from ('2025-01-01') to ('2026-01-01')
create table fresh partition of early for values from ('2030-01-01') to (maxvalue)
create table fresh partition of either for values from ('2026-01-01') to ('2027-01-01')
create table fresh partition of either for values from ('2026-03-01') to ('2026-04-01')
create table fresh partition of either for values from ('2025-03-01') to ('2026-04-01')
alter table early attach partition proved for values from ('2026-01-01') to ('2027-01-01')
alter table early attach partition unproved for values from ('2026-01-01') to ('2027-01-01')
alter table numbered attach partition number_2 for values from (100) to (200)
alter table numbered attach partition number_3 for values from (100) to (200)
alter table numbered attach partition number_4 for values from (100) to (200)
alter table numbered attach partition number_2 for values from (100) to (150)
-- Tables created in the same file are not in use yet
create table fresh (id int primary key)
create table if not exists fresh (id int primary key)
create table fresh (id int); create index on fresh (id)
create table fresh (id int); create index on fresh (id); create index on child (note)
create table fresh (id int); alter table fresh add check (id > 0)
create table fresh (id int); alter table fresh add primary key (id)
create table fresh (id int); alter table fresh alter column id type bigint
create table fresh (id int); alter table fresh alter column id set not null
create table fresh (id int); alter table fresh add column x float8 default random()
create table fresh (id int); alter table fresh rename to fresher; create index on fresher (id)
create table fresh (id int, parent_id int); alter table fresh add foreign key (parent_id) references parent
create table fresh (id int references parent)
create table fresh (id int primary key); alter table child add foreign key (parent_id) references fresh
create table fresh (id int primary key); alter table child add foreign key (parent_id) references fresh not valid
create table fresh (id int primary key); alter table child add column fresh_id int references fresh
create table fresh as select * from child; create index on fresh (id)
create table fresh as select * from child with no data; alter table fresh add primary key (id)
create table fresh (like child including indexes)
create table fresh () inherits (base)
create table fresh () inherits (base); alter table fresh alter column note set not null
create table fresh () inherits (lonely); alter table lonely add check (id > 0)
create unlogged table fresh (id int); alter table fresh set logged
create temp table fresh (id int); create index on fresh (id)
create temp table child (id int); create index on child (id)
create temp table child (id int); create index on public.child (id)
create temporary table fresh on commit drop as select * from child
select * into fresh from child
select * into fresh from child; create index on fresh (id)
create schema fresh; create table fresh.child (id int); create index on fresh.child (id)
create schema fresh create table t (id int) create index on t (id)
set local search_path to other; create table child (id int); create index on child (id)
set search_path to other; create index on things (n)
set local search_path to other; create index on things (n)
set local search_path to other, public; create index on child (n)
select set_config('search_path', 'other', true); create index on things (n)
drop table many; create table many (id int); create index on many (id)
drop table many; create table many (id int, n int); alter table many alter column id type bigint
alter table many rename to old_many; create table many (id int); create index on many (id)
alter table many rename to old_many; create table many (id int); create index on old_many (n)
create table new_many (like many including all); insert into new_many select * from many; drop table many; alter table new_many rename to many
create table new_many (like many including all); drop table many; alter table new_many rename to many; create index on many (n)
create materialized view fresh as select * from child; create index on fresh (id)
create materialized view fresh as select * from child with no data; refresh materialized view fresh
create table fresh (id int); truncate fresh
create table fresh (id int primary key); cluster fresh using fresh_pkey
create table fresh (id int); lock table fresh
create view fresh as select * from child; drop view fresh
create foreign data wrapper w; create server s foreign data wrapper w; create foreign table far (id int) server s
create foreign data wrapper w; create server s foreign data wrapper w; create foreign table far (id int) server s; alter table far add column x int default random()
create foreign data wrapper w; create server s foreign data wrapper w; create foreign table far (id int) server s; alter foreign table far add check (id > 0)

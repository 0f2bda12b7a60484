-- Indexes
create index on wide (b)
create index on wide using hash (b)
create index on wide using gin (j jsonb_path_ops)
create index on wide using brin (w)
create index on wide (lower(b))
create index on wide (b) where x
create index on wide (b) include (c)
create index on wide (b text_pattern_ops)
create index on wide (b desc nulls last) with (fillfactor = 60)
create index if not exists wide_b on wide (b)
create index if not exists wide_bb on wide (b)
create unique index on wide (b)
create unique index if not exists wide_i on wide (i)
create index on public.wide (b)
create index on only wide (b)
create index concurrently on wide (b)
create unique index concurrently on wide (b)
create index concurrently if not exists wide_b on wide (b)
create index on other.things (n)
create index on "Odd Name" ("Value")
create index on parts (at)
create index on only parts (at)
create index on parts_2025 (at)
create index on deep (id)
create index on deep_2026 (id)
create index on hashed (id)
create index on empty_parts (at)
create index on base (id)
create index on derived (id)
create index on loose (id)
create index on totals (c)
create index on unfilled (id)
create unique index on no_unique (flag)
create index concurrently on totals (c)
create index at_1 on only ranged (at); create index at_1_1 on ranged_1 (at); alter index at_1 attach partition at_1_1
create index a1 on wide (b); create index a2 on wide (c); create index a3 on many (n)
alter table many add column aa int; create index on many (aa)
alter index ranged_at attach partition ranged_1_at_idx
drop index wide_b
drop index if exists wide_b
drop index if exists nothing_here
drop index wide_b, wide_expr
drop index concurrently wide_b
drop index concurrently if exists nothing_here
drop index ranged_at
drop index other.things_name
drop index wide_b; create index wide_b on wide (b, c)
reindex table wide
reindex index wide_b
reindex table concurrently wide
reindex index concurrently wide_b
reindex (verbose) table wide
reindex (concurrently) table wide
reindex (concurrently false) table wide
reindex schema public
reindex schema other
reindex schema concurrently other
reindex table parts
reindex table empty_parts
reindex index ranged_at
reindex index other.things_name
reindex table totals
reindex database work
reindex system work
cluster wide using wide_b
cluster many using many_pkey
cluster (verbose) many using many_pkey
cluster totals using totals_parent
cluster
vacuum
vacuum wide
vacuum analyze wide
vacuum full
vacuum full wide
vacuum (full) wide
vacuum (full, analyze) wide
vacuum (full false) wide
vacuum (full true) wide
vacuum (full off, analyze) wide
vacuum (full 1) wide
vacuum (freeze, verbose) wide
vacuum full parts
vacuum full parts_2025
vacuum full totals
vacuum full wide, many
vacuum (full, analyze) wide (a)
vacuum (analyze, full) many
analyze
analyze wide
analyze wide (a)
-- Materialized views
refresh materialized view totals
refresh materialized view no_unique
refresh materialized view unfilled
refresh materialized view unfilled with no data
refresh materialized view totals with data
refresh materialized view concurrently totals
refresh materialized view public.totals
create materialized view if not exists totals as select 1
create materialized view fresh as select * from wide
drop materialized view totals
drop materialized view if exists nothing_here
drop materialized view totals; create materialized view totals as select id from child; create unique index on totals (id)
-- TRUNCATE, LOCK TABLE
truncate wide
truncate table wide
truncate only base
truncate base
truncate wide, many
truncate wide restart identity
truncate wide cascade
truncate parts
truncate parts_2025
truncate empty_parts
truncate loose
truncate other.things
truncate refs
lock table wide in access share mode
lock table wide in row share mode
lock table wide in row exclusive mode
lock table wide in share update exclusive mode
lock table wide in share mode
lock table wide in share row exclusive mode
lock table wide in exclusive mode
lock table wide in access exclusive mode
lock table wide nowait
lock wide, many
lock table many in exclusive mode; create index on many (n)
lock table many in share mode; alter table proofs validate constraint c_later
lock table proofs in share mode; alter table proofs validate constraint c_later
lock table proofs in share update exclusive mode; alter table proofs validate constraint c_later

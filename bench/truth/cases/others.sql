-- Triggers, rules, policies
create trigger x before insert on wide for each row execute function touch()
create trigger x after insert on wide for each statement execute function touch()
create trigger x instead of insert on seen for each row execute function touch()
create or replace trigger x before insert on wide for each row execute function touch()
create constraint trigger x after insert on wide deferrable for each row execute function touch()
create trigger x before insert on parts for each row execute function touch()
alter trigger on_wide_touch on wide rename to t2
drop trigger on_wide_touch on wide
drop trigger if exists nothing on wide
create rule x as on insert to wide do also nothing
create or replace rule wide_rule as on update to parent do also nothing
drop rule wide_rule on parent
create policy x on wide for select using (a > 0)
create policy x on wide to some_role using (true) with check (true)
alter policy wide_policy on wide using (false)
alter policy wide_policy on wide rename to p2
drop policy wide_policy on wide
drop policy if exists nothing on wide
alter table wide enable row level security; create policy x on wide using (true)
create event trigger x on ddl_command_end execute function event_touch()
-- Views, functions, sequences, schemas and other names
create view fresh as select * from wide
create or replace view seen as select id from child
create or replace view seen as select id, note from child
create view fresh as select * from wide with check option
create recursive view fresh (n) as values (1) union all select n + 1 from fresh where n < 10
create temp view fresh as select * from wide
drop view seen
drop view if exists nothing
drop view seen cascade
create function fresh() returns int language sql as 'select 1'
create or replace function touch() returns trigger language plpgsql as 'begin return null; end'
create function fresh() returns int language sql return 1
create function fresh() returns int begin atomic select 1; end
create procedure fresh() language sql as 'select 1'
create aggregate fresh (int) (sfunc = int4pl, stype = int)
create operator === (leftarg = int, rightarg = int, function = int4eq)
alter function volatile_one() stable
alter function volatile_one() rename to v1
alter function volatile_one() owner to some_role
alter function volatile_one() stable; alter table many add column aa int default volatile_one()
drop function volatile_one()
drop function touch() cascade
create or replace function volatile_one() returns int language plpgsql stable as 'begin return 1; end'; alter table many add column aa int default volatile_one()
create function fresh() returns int language plpgsql as 'begin return 1; end'; alter table many add column aa int default fresh()
create function fresh() returns int language plpgsql immutable as 'begin return 1; end'; alter table many add column aa int default fresh()
create sequence fresh
create sequence fresh owned by wide.a
create sequence fresh; alter table many alter column n set default nextval('fresh')
create sequence fresh; alter table many add column aa int default nextval('fresh')
create sequence fresh; alter table many add column aa int; alter table many alter column aa set default nextval('fresh')
drop sequence child_seq
drop sequence if exists nothing
select setval('child_seq', 100)
select nextval('child_seq')
create schema fresh
create schema if not exists other
alter schema other rename to another
drop schema other cascade
drop schema if exists nothing
create extension if not exists pgcrypto
create extension hstore
drop extension if exists citext cascade
create statistics fresh (dependencies) on a, h from wide
create statistics fresh on (lower(b)), a from wide
drop statistics wide_stats
create publication fresh for table wide
create publication fresh for all tables
create publication fresh for tables in schema other
alter publication pub add table wide
alter publication pub set table wide
drop publication pub
create role fresh
create role fresh; grant select on all tables in schema public to fresh
grant select on wide to some_role
grant select (a) on wide to some_role
grant usage on schema public to some_role
grant all on all tables in schema public to some_role
revoke all on wide from public
alter default privileges in schema public grant select on tables to some_role
comment on table wide is 'x'
comment on column wide.a is 'x'
comment on constraint wide_pkey on wide is 'x'
comment on index wide_b is 'x'
comment on view seen is 'x'
comment on function touch() is 'x'
create text search configuration fresh (copy = simple)
create collation fresh from "C"
create collation fresh from "C"; alter table wide alter column b type text collate fresh
alter table wide alter column b type text collate "POSIX"
alter table many alter column note type text collate "C"
drop owned by some_role
reassign owned by some_role to current_user
-- Dropping
drop table many
drop table if exists many
drop table if exists nothing_here
drop table parent cascade
drop table child cascade
drop table refs
drop table base cascade
drop table wide cascade
drop table many, bare
drop table "Odd Name"
drop table other.things
drop type pair cascade
drop index child_n
drop index wide_partial
drop function if exists nothing()
-- Data
insert into many values (1, 1, 'a')
insert into many select g, g, 'x' from generate_series(1, 10) g
insert into many (id) values (1) on conflict do nothing
insert into many select id, n, note from child
update many set n = 1
update many set n = 1 where id = 1
update many set note = 'x' from child where child.id = many.id
delete from many
delete from many where n > 5
delete from many using child where child.id = many.id
merge into many using child on child.id = many.id when matched then delete
with d as (delete from many returning *) insert into bare select n from d
select count(*) from many
select * from many for update
copy many to '/dev/null'
prepare q as select * from many
explain select * from many
explain analyze select * from many
table many
values (1)
truncate many; insert into many values (1)
alter table many add column aa int; update many set aa = 1
alter table many add column aa int; delete from many where aa is null
alter table many add column aa int; select count(*) from many
alter table many add column aa int; insert into many (id) select id from child
create index on many (n); update many set n = 1
-- Blocks and functions
do $$ begin null; end $$
do $$ begin alter table many add column aa int; end $$
do $$ begin alter table many add column aa int default volatile_one(); end $$
do $$ begin create index on many (n); end $$
do $$ begin create index on many (n); exception when others then null; end $$
do $$ begin if exists (select 1 from pg_class where relname = 'many') then create index on many (n); end if; end $$
do $$ begin if not exists (select 1 from pg_constraint where conname = 'x') then alter table many add constraint x check (n > 0); end if; end $$
do $$ begin if not exists (select 1 from pg_constraint where conname = 'x') then alter table many add constraint x check (n > 0) not valid; end if; end $$
do $$ begin for i in 1..2 loop execute format('create index on many (n)'); end loop; end $$
do $$ begin execute 'alter table many alter column n type bigint'; end $$
do $$ begin execute 'alter table many ' || 'alter column n type bigint'; end $$
do $$ begin execute format('alter table %I alter column n type bigint', 'many'); end $$
do $$ begin execute format('alter table %I.%I add column aa int', 'public', 'many'); end $$
do $$ begin execute format('create index on %s (n)', 'many'); end $$
do $$ begin execute format($f$alter table %I add check (%I > 0)$f$, 'many', 'n'); end $$
do $$ declare t text := 'many'; begin execute 'create index on ' || t || ' (n)'; end $$
do $$ declare t text := 'many'; begin execute format('create index on %I (n)', t); end $$
do $$ declare t text; begin foreach t in array array['many', 'bare'] loop execute format('alter table %I add column aa int', t); end loop; end $$
do $$ declare t text; begin foreach t in array array['many', 'child'] loop execute format('create index on %I (note)', t); end loop; end $$
do $$ declare r record; begin for r in select relname from pg_class where relname in ('many') loop execute format('alter table %I add check (n > 0)', r.relname); end loop; end $$
do $$ declare r record; begin for r in select 'many' as name loop execute format('alter table %I enable row level security', r.name); end loop; end $$
do $$ begin perform do_ddl(); end $$
do $$ begin perform no_ddl(); end $$
do $$ begin create table fresh (id int); create index on fresh (id); end $$
do $$ begin update many set n = 1; end $$
do $$ begin truncate many; end $$
do $$ begin refresh materialized view totals; end $$
do $$ begin do 'begin create index on many (n); end'; end $$
do language plpgsql $$ begin alter table many alter column note set not null; end $$
do $$ <<b>> declare n int := 1; begin case n when 1 then create index on many (n); else null; end case; end $$
do $$ begin begin alter type mood add value 'x'; exception when duplicate_object then null; end; end $$
do $$ begin create type fresh as enum ('a'); exception when duplicate_object then null; end $$
do $$ begin alter table refs add constraint f foreign key (child_id) references target; exception when duplicate_object then null; end $$
do $$ begin alter table refs drop constraint if exists f; alter table refs add constraint f foreign key (child_id) references target; end $$
select do_ddl()
select no_ddl()
select sql_ddl()
select dynamic_ddl('many')
select * from do_ddl()
call proc_ddl()
with x as (select do_ddl()) select * from x
create function fresh() returns void language plpgsql as $$ begin create index on many (n); end $$
create function fresh() returns void language plpgsql as $$ begin create index on many (n); end $$; select fresh()
create function fresh() returns void language plpgsql as $$ begin create index on many (n); end $$; do 'begin perform fresh(); end'
create procedure fresh() language plpgsql as $$ begin alter table many add column aa serial; end $$; call fresh(); drop procedure fresh()
create function fresh() returns void language plpgsql as $$ begin raise notice 'x'; end $$; select fresh()
-- Several parts in one ALTER, several statements in one transaction
alter table many add column aa int, drop column note, alter column n set default 1
alter table many add column aa int, alter column n type bigint
alter table many alter column n set not null, add check (n > 0)
alter table many rename column n to nn; create index on many (nn)
alter table many rename column n to nn; alter table many alter column nn type bigint
alter table many add column aa int; alter table many add constraint c check (aa > 0)
alter table many add column aa int; alter table many add constraint c check (aa > 0) not valid
alter table many add column aa int; alter table many add constraint c foreign key (aa) references parent
alter table many add column aa int; alter table many add constraint c foreign key (aa) references parent not valid
alter table many add column aa int; create unique index on many (aa); alter table many add constraint u unique using index many_aa_idx
alter table many drop column n; alter table many add column n bigint
alter table many drop column n; alter table many add column n bigint not null default 0
alter table many add constraint c check (n > 0) not valid; alter table proofs validate constraint c_later
alter table proofs add column aa int; alter table proofs validate constraint c_later
alter table proofs set (fillfactor = 70); alter table proofs validate constraint c_later
alter table proofs enable trigger all; alter table proofs validate constraint c_later
create trigger x before insert on proofs for each row execute function touch(); alter table proofs validate constraint c_later
create trigger x before insert on refs for each row execute function touch(); alter table refs validate constraint child_later
alter table target add column aa int; alter table refs validate constraint child_later
alter table refs add column aa int; alter table refs validate constraint child_later
comment on table proofs is 'x'; alter table proofs validate constraint c_later
update proofs set e = 1; alter table proofs validate constraint c_later
create index concurrently on many (n); alter table many add column aa int
set local lock_timeout = '1s'; alter table many add column aa int
set local lock_timeout = '1s'; create index on many (n)
set local timezone to 'Europe/Paris'; alter table child alter column at type timestamptz
set local timezone to 'UTC'; alter table child alter column at type timestamptz
set timezone = 'America/New_York'; alter table child alter column at type timestamptz
drop index child_lower; alter table child alter column short type varchar(40)
drop index wide_expr; alter table wide alter column c type text
drop index wide_w; alter table wide alter column w type timestamp
alter table child drop constraint m_there; alter table child alter column m set not null
alter table child drop column n; create index on child (m)
create table fresh (id bigint primary key, child_id bigint references child); create index on fresh (child_id); alter table fresh add unique (child_id)
create table fresh (id bigint primary key); insert into fresh select id from child; alter table fresh add column x serial
create unique index u on many (n); alter table many add constraint u unique using index u
alter table bare add column aa bigint generated by default as identity; alter table bare add primary key (aa)

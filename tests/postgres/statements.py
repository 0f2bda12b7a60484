"""Statements with what PostgreSQL does for each: locks, work on whole relations, and the first major version.

A `!` before the work means that it blocks writes meanwhile. The labels are facts from the manual and from PostgreSQL's
source, not from the tracer.
"""

from __future__ import annotations

SCHEMA = """
create table p (id int primary key, name text);
create type mood as enum ('sad', 'ok');
create domain posint as int;
create domain lone_domain as int;
create type comp as (x int);
create table t (
    id int primary key, a int, b text, v varchar(10), n numeric(10, 2), ts timestamp, j json, nn int not null, c int,
    pid int, e mood, dom posint, proved int, k int not null, constraint t_proved check (proved is not null)
);
create index t_a on t (a);
create index t_v on t (v);
create unique index t_c on t (c);
create unique index t_k on t (k);
alter table t add constraint t_nv check (a > 0) not valid;
alter table t add constraint t_fk_nv foreign key (pid) references p not valid;
create table f (id int, pid int, constraint f_fk foreign key (pid) references p);
create table part (id int, x int) partition by range (id);
create table part_1 partition of part for values from (1) to (10);
create table part_d partition of part default;
create table plain (id int, x int) partition by range (id);
create table plain_1 partition of plain for values from (1) to (10);
create table lone (id int, x int);
create table lone_proved (id int not null, x int, check (id >= 20 and id < 30));
create table base (x int);
create table child () inherits (base);
create table other_child (x int);
create materialized view mv as select id, e from t;
create unique index mv_id on mv (id);
create view vw as select id, b from t;
create sequence s;
create table typed of comp;
create unlogged table unlogged (id int primary key);
create table q (id int, exclude using btree (id with =));
create table owned (id serial);
create function trg() returns trigger language plpgsql as 'begin return new; end';
create function vol() returns int language plpgsql volatile as 'begin return 1; end';
create function inlined() returns int language sql volatile as 'select 1';
create function stab() returns int language plpgsql stable as 'begin return 1; end';
create function ddl(name text) returns void language plpgsql as
    $$ begin execute format('alter table %I add column made_by_ddl int default vol()', name); end $$;
create function indexes(name text) returns int language plpgsql as
    $$ begin execute format('create index on %I (a)', name); return 1; end $$;
create trigger tr before insert on t for each row execute function trg();
create policy pol on t using (true);
create rule r as on update to p do also nothing;
create extended_statistics_placeholder;
create role trace_role;
create schema other;
create publication pub for table p;
""".replace("create extended_statistics_placeholder;", "create statistics st on a, c from t;")

Case = tuple[str, str, str] | tuple[str, str, str, int]

IN_A_TRANSACTION: list[Case] = [
    # Columns
    ("alter table t add column x int", "t:AE", ""),
    ("alter table t add column x int default 5", "t:AE", ""),
    ("alter table t add column x timestamptz default now()", "t:AE", ""),
    ("alter table t add column x int default stab()", "t:AE", ""),
    ("alter table t add column x int default inlined()", "t:AE", ""),
    ("alter table t add column x float default random()", "t:AE", "!REWRITE t"),
    ("alter table t add column x timestamptz default clock_timestamp()", "t:AE", "!REWRITE t"),
    ("alter table t add column x uuid default gen_random_uuid()", "t:AE", "!REWRITE t"),
    ("alter table t add column x int default vol()", "t:AE", "!REWRITE t"),
    ("alter table t add column x serial", "t:AE", "!REWRITE t"),
    ("alter table t add column x int generated always as identity", "t:AE", "!REWRITE t"),
    ("alter table t add column x int generated always as (a + 1) stored", "t:AE", "!REWRITE t"),
    ("alter table t add column x int generated always as (a + 1) virtual", "t:AE", "", 18),
    ("alter table t add column x int not null", "t:AE", "!SCAN t"),
    ("alter table t add column x int not null default 5", "t:AE", ""),
    ("alter table t add column x int check (x > 0)", "t:AE", "!SCAN t"),
    ("alter table t add column x int unique", "t:AE", "!INDEX t"),
    ("alter table t add column x int references p", "t:AE p:SRE", ""),
    ("alter table t add column x int default 1 references p", "t:AE p:SRE", "!FOREIGN_KEY t"),
    ("alter table t add column x mood default 'ok'", "t:AE", ""),
    ("alter table t add column if not exists a int", "t:AE", ""),
    ("alter table t drop column b cascade", "t:AE vw:AE", ""),
    ("alter table t drop column a", "t:AE", ""),
    ("alter table t alter column a set default 7", "t:AE", ""),
    ("alter table t alter column a drop default", "t:AE", ""),
    ("alter table t alter column a set not null", "t:AE", "!SCAN t"),
    ("alter table t alter column proved set not null", "t:AE", ""),
    ("alter table t alter column nn set not null", "t:AE", ""),
    ("alter table t alter column nn drop not null", "t:AE", ""),
    ("alter table t alter column a set statistics 500", "t:SUE", ""),
    ("alter table t alter column a set (n_distinct = 5)", "t:SUE", ""),
    ("alter table t alter column b set storage external", "t:AE", ""),
    ("alter table t alter column b set compression pglz", "t:AE", ""),
    ("alter table t alter column nn add generated always as identity", "t:AE", ""),
    ("alter table t rename column a to a2", "t:AE", ""),
    # Types of columns
    ("alter table t alter column a type bigint", "t:AE", "!REWRITE t"),
    ("alter table t alter column a type int", "t:AE", ""),
    ("alter table t alter column v type varchar(20)", "t:AE", ""),
    ("alter table t alter column v type text", "t:AE", ""),
    ("alter table t alter column v type varchar(5)", "t:AE", "!REWRITE t"),
    ("alter table t alter column v type bpchar", "t:AE", "!INDEX t"),
    ("alter table t alter column n type numeric(12, 2)", "t:AE", ""),
    ("alter table t alter column n type numeric(12, 4)", "t:AE", "!REWRITE t"),
    ("alter table t alter column ts type timestamptz", "t:AE", ""),
    ("set timezone = 'Europe/Paris'; alter table t alter column ts type timestamptz", "t:AE", "!REWRITE t"),
    ("alter table t alter column j type jsonb", "t:AE", "!REWRITE t"),
    ("alter table t alter column dom type int", "t:AE", ""),
    ("alter table t alter column a type int using a + 1", "t:AE", "!REWRITE t"),
    ("alter table t alter column pid type bigint", "t:AE p:AE", "!REWRITE t"),
    ("alter table f alter column pid type bigint", "f:AE p:AE", "!FOREIGN_KEY f, REWRITE f"),
    ("alter table p alter column id type bigint", "f:AE p:AE t:AE", "!FOREIGN_KEY f, REWRITE p"),
    # Constraints
    ("alter table t add check (a > 1)", "t:AE", "!SCAN t"),
    ("alter table t add check (a > 1) not valid", "t:AE", ""),
    ("alter table t validate constraint t_nv", "t:SUE", "SCAN t"),
    ("alter table t add check (a > 2) not valid; alter table t validate constraint t_a_check", "t:SUE", "!SCAN t"),
    ("alter table t add foreign key (a) references p", "p:SRE t:SRE", "!FOREIGN_KEY t"),
    ("alter table t add foreign key (a) references p not valid", "p:SRE t:SRE", ""),
    ("alter table t validate constraint t_fk_nv", "p:RS t:SUE", "FOREIGN_KEY t"),
    ("alter table t add foreign key (a) references t (id)", "t:SRE", "!FOREIGN_KEY t"),
    ("alter table t add unique (b)", "t:AE", "!INDEX t"),
    ("alter table t add constraint u unique using index t_c", "t:AE", ""),
    ("alter table t drop constraint t_pkey, add primary key (nn)", "t:AE", "!INDEX t"),
    ("alter table f add primary key (id)", "f:AE", "!INDEX f, SCAN f"),
    ("alter table t drop constraint t_pkey, add primary key using index t_k", "t:AE", ""),
    ("alter table t drop constraint t_pkey, add primary key using index t_c", "t:AE", "!SCAN t"),
    ("alter table t add exclude using btree (a with =)", "t:AE", "!INDEX t"),
    ("alter table t drop constraint t_nv", "t:AE", ""),
    ("alter table t drop constraint t_fk_nv", "p:AE t:AE", ""),
    ("alter table t rename constraint t_nv to t_nv2", "t:AE", ""),
    ("alter table t alter constraint t_fk_nv deferrable", "t:AE", ""),
    ("alter table t add constraint nnn not null a not valid", "t:AE", "", 18),
    ("alter table t add constraint nnn not null a", "t:AE", "!SCAN t", 18),
    # Tables
    ("alter table t rename to t2", "t:AE", ""),
    ("alter table t set schema other", "t:AE", ""),
    ("alter table t set (fillfactor = 70)", "t:SUE", ""),
    ("alter table t reset (fillfactor)", "t:SUE", ""),
    ("alter table t set unlogged", "t:AE", "!REWRITE t"),
    ("alter table t set logged", "t:AE", ""),
    ("alter table unlogged set logged", "unlogged:AE", "!REWRITE unlogged"),
    ("alter table t set tablespace pg_default", "t:AE", ""),
    ("alter table t cluster on t_a", "t:SUE", ""),
    ("alter table t set without cluster", "t:SUE", ""),
    ("alter table t replica identity full", "t:AE", ""),
    ("alter table t owner to trace_role", "t:AE", ""),
    ("alter table t enable row level security", "t:AE", ""),
    ("alter table t force row level security", "t:AE", ""),
    ("alter table t disable trigger tr", "t:SRE", ""),
    ("alter table t enable always trigger tr", "t:SRE", ""),
    ("alter table p disable rule r", "p:AE", ""),
    ("alter table typed not of", "typed:AE", ""),
    ("alter table t add column x int, add column y float default random()", "t:AE", "!REWRITE t"),
    ("drop table f", "f:AE p:AE", ""),
    ("drop table p cascade", "f:AE p:AE t:AE", ""),
    ("drop table child", "child:AE", ""),
    ("create table new (id int references p)", "p:SRE", ""),
    ("create table new (like t including all)", "", ""),
    ("create table new as select * from t", "", ""),
    ("truncate t", "t:AE", "!EMPTY t"),
    ("truncate p cascade", "f:AE p:AE t:AE", "!EMPTY f, EMPTY p, EMPTY t"),
    ("lock table t in share mode", "t:S", ""),
    ("lock table t", "t:AE", ""),
    ("lock table t in exclusive mode nowait", "t:E", ""),
    ("cluster t using t_a", "t:AE", "!REWRITE t"),
    ("comment on table t is 'x'", "t:SUE", ""),
    ("comment on column t.a is 'x'", "t:SUE", ""),
    ("grant select on t to trace_role", "", ""),
    ("revoke all on t from public", "", ""),
    ("analyze t", "t:SUE", ""),
    # Indexes
    ("create index on t (b)", "t:S", "!INDEX t"),
    ("create unique index on t (b) where a > 0", "t:S", "!INDEX t"),
    ("create index on t using gin (to_tsvector('simple', b))", "t:S", "!INDEX t"),
    ("create index on t using brin (a)", "t:S", "!INDEX t"),
    ("create index if not exists t_a on t (a)", "t:S", ""),
    ("create index on part (x)", "part:S part_1:S part_d:S", "!INDEX part_1, INDEX part_d"),
    ("create index on only part (x)", "part:S", ""),
    ("drop index t_a", "t:AE", ""),
    ("reindex index t_a", "t:S t_a:AE", "!INDEX t"),
    ("reindex table t", "t:S t_a:AE t_c:AE t_k:AE t_pkey:AE t_v:AE", "!INDEX t"),
    ("alter index t_a rename to t_a2", "t_a:SUE", ""),
    ("alter index t_a set (fillfactor = 70)", "t_a:SUE", ""),
    ("create statistics on b, v from t", "t:SUE", "", 16),
    ("drop statistics st", "t:SUE", ""),
    # Partitions and inheritance
    ("create table part_2 partition of part for values from (10) to (20)", "part:AE part_d:AE", "!SCAN part_d"),
    ("create table plain_2 partition of plain for values from (10) to (20)", "plain:AE", ""),
    (
        "alter table part attach partition lone for values from (10) to (20)",
        "lone:AE part:SUE part_d:AE",
        "!SCAN lone, SCAN part_d",
    ),
    ("alter table plain attach partition lone for values from (10) to (20)", "lone:AE plain:SUE", "!SCAN lone"),
    ("alter table plain attach partition lone_proved for values from (20) to (30)", "lone_proved:AE plain:SUE", ""),
    ("alter table plain detach partition plain_1", "plain:AE plain_1:AE", ""),
    ("alter table part detach partition part_1", "part:AE part_1:AE part_d:AE", ""),
    ("drop table part_1", "part:AE part_1:AE part_d:AE", ""),
    (
        "alter table part add column y int default vol()",
        "part:AE part_1:AE part_d:AE",
        "!REWRITE part_1, REWRITE part_d",
    ),
    ("alter table base add column y int", "base:AE child:AE", ""),
    ("alter table base alter column x set not null", "base:AE child:AE", "!SCAN base, SCAN child"),
    ("alter table other_child inherit base", "base:SUE other_child:AE", ""),
    ("alter table child no inherit base", "child:AE", ""),
    ("create table grandchild () inherits (child)", "child:SUE", ""),
    # Views
    ("create view new as select * from t", "", ""),
    ("create or replace view vw as select id, b from t", "vw:AE", ""),
    ("alter view vw rename to vw2", "vw:AE", ""),
    ("drop view vw", "vw:AE", ""),
    ("create materialized view new as select * from t", "", ""),
    ("refresh materialized view mv", "mv:AE", "!REWRITE mv"),
    ("refresh materialized view concurrently mv", "mv:E", ""),
    ("drop materialized view mv", "mv:AE", ""),
    # Triggers, policies, rules
    ("create trigger tr2 after update on t for each row execute function trg()", "t:SRE", ""),
    ("create or replace trigger tr before insert on t for each row execute function trg()", "t:SRE", ""),
    ("alter trigger tr on t rename to tr2", "t:AE", ""),
    ("drop trigger tr on t", "t:AE", ""),
    ("create policy pol2 on t using (true)", "t:AE", ""),
    ("alter policy pol on t using (false)", "t:AE", ""),
    ("drop policy pol on t", "t:AE", ""),
    ("create rule r2 as on insert to p do also nothing", "p:AE", ""),
    ("drop rule r on p", "p:AE", ""),
    # Types, enums, domains
    ("alter type mood add value 'glad'", "", ""),
    ("alter type mood rename value 'ok' to 'fine'", "", ""),
    ("alter domain posint add check (value > 0)", "t:S", "!SCAN t"),
    ("alter domain posint add check (value > 0) not valid", "", ""),
    ("alter domain posint set not null", "t:S", "!SCAN t"),
    ("alter domain lone_domain add check (value > 0)", "", ""),
    ("alter domain posint set default 3", "", ""),
    ("alter type comp add attribute y int cascade", "typed:AE", ""),
    ("alter type comp alter attribute x type bigint cascade", "typed:AE", "!REWRITE typed"),
    ("create type new as enum ('a')", "", ""),
    # Sequences
    ("create sequence new", "", ""),
    ("alter sequence s increment by 10", "s:SRE", ""),
    ("alter sequence s restart", "s:SRE", ""),
    ("drop sequence s", "s:AE", ""),
    ("select nextval('s')", "s:RE", ""),
    # Rows
    ("insert into t (id, nn, k, proved) values (1, 1, 1, 1)", "t:RE", ""),
    ("update t set a = 1", "t:RE", ""),
    ("delete from p where id > 30", "p:RE", ""),
    ("select * from t for update", "t:RS", ""),
    # Others
    ("create function new() returns int language sql as 'select 1'", "", ""),
    ("alter publication pub add table t", "t:SUE", ""),
    ("create extension if not exists plpgsql", "", ""),
    # What only the one sees who runs it
    ("do $$ begin alter table t add column x float default random(); end $$", "t:AE", "!REWRITE t"),
    ("do $$ begin alter table t add column x int; end $$", "t:AE", ""),
    (
        "do $$ begin execute 'create index on t (b)'; execute 'create index on p (name)'; end $$",
        "p:S t:S",
        "!INDEX p, INDEX t",
    ),
    (
        "do $$ declare n text; begin for n in select 't' loop "
        "execute format('alter table %I add check (a > 9)', n); end loop; end $$",
        "t:AE",
        "!SCAN t",
    ),
    ("do $$ begin update t set a = 1; end $$", "t:RE", ""),
    ("do $$ begin perform 1; end $$", "", ""),
    (
        "do $$ begin begin alter table t add column x int; raise 'x'; exception when others then null; end; end $$",
        "",
        "",
    ),
    ("select ddl('t')", "t:AE", "!REWRITE t"),
    ("select indexes('t')", "t:S", "!INDEX t"),
    (
        "do $$ begin set client_min_messages = error; alter table t alter column a set not null; end $$",
        "t:AE",
        "!SCAN t",
    ),
    ("do $$ begin create temp table x as select * from t; create index on x (a); end $$", "", ""),
    # In one transaction with what came before it
    ("create table new (id int, a int); create index on new (a)", "", ""),
    ("create table other.t (id int, a int); create index on other.t (a)", "", ""),
    ("alter table t add column x int; create table other.t (a int); create index on other.t (a)", "", ""),
    ("alter table t add column x int; alter table t alter column a set not null", "", "!SCAN t"),
    ("alter table t add column x int; select count(*) from t", "", ""),
    ("alter table t add column x int; update t set x = 1", "t:RE", ""),
    ("create table new (id int, pid int); alter table new add foreign key (pid) references p", "p:SRE", ""),
    ("create table new (a int, b int); alter table new add column c float default random()", "", ""),
    ("set client_min_messages = error; alter table t alter column a set not null", "t:AE", "!SCAN t"),
]
"""Of several statements the last one is meant."""

OUTSIDE: list[Case] = [
    ("create index concurrently new_i on t (b)", "t:SUE", "INDEX t"),
    ("create unique index concurrently new_u on p (name)", "p:SUE", "INDEX p"),
    ("reindex index concurrently t_a", "t:SUE", "INDEX t"),
    ("reindex table concurrently p", "p:SUE", "INDEX p"),
    ("drop index concurrently t_v", "t:SUE", ""),
    ("alter table plain detach partition plain_1 concurrently", "plain:SUE plain_1:AE", ""),
    ("vacuum full t", "t:AE", "!REWRITE t"),
    ("-- ctgitops: no transaction\ncreate index on p (name)", "p:S", "!INDEX p"),
    ("-- ctgitops: no transaction\nalter table p add column z float default random()", "p:AE", "!REWRITE p"),
    ("create table late (a int); create index concurrently on late (a)", "", ""),
    ("-- ctgitops: no transaction\ndo $$ begin create index on p (id, name); commit; end $$", "p:S", "!INDEX p"),
]
"""What is committed; each finds what those before it left."""

ROWS = """
insert into p select n, 'x' from generate_series(1, 20) n;
insert into t (id, a, b, v, nn, c, pid, e, dom, proved, k)
    select n, n, 'b' || n, 'v' || n, n, n, n, 'ok', n, n, n from generate_series(1, 20) n where n > 9;
insert into f values (1, 1);
insert into part values (1, 1);
insert into base values (1);
insert into child values (1);
insert into lone values (12, 1);
insert into lone_proved values (20, 1);
insert into unlogged values (1);
refresh materialized view mv;
"""

-- Written before lint ran on any of them (first run: 0.982 and 0.991 on PostgreSQL 15). Lint was corrected with them afterwards.
alter table shop.log add column id bigserial primary key
alter table shop.log add column id bigint generated always as identity, add primary key (id)
alter table shop.unkeyed add column z int not null generated always as (a + b) stored
alter table shop.customer add column z text collate "C" default ''
alter table shop.customer add column z timestamp default localtimestamp
alter table shop.customer add column z timestamptz default transaction_timestamp()
alter table shop.customer add column z date default (now() at time zone 'utc')::date
alter table shop.customer add column z uuid not null default '00000000-0000-0000-0000-000000000000'
alter table shop.customer add column z text default concat('a', 'b')
alter table shop.customer add column z text default format('%s', 1)
alter table shop.customer add column z text default encode(gen_random_bytes(4), 'hex')
alter table shop.customer add column z int default (array[1,2,3])[1]
alter table shop.customer add column z int default length('abc')
alter table shop.customer add column z bigint default (extract(epoch from clock_timestamp()) * 1000)::bigint
alter table shop.customer add column z interval default '1 day', add column zz interval default now() - clock_timestamp()
alter table shop.customer add column z xml default '<a/>', add column zz point default '(1,2)'
alter table shop.customer add column z shop.price_range default '[1,2)'
alter table shop.customer add column z int default 0 not null check (z >= 0)
alter table shop.customer add column z int, add constraint z_fk foreign key (z) references shop.tree (id)
alter table shop.customer add column z int references shop.tree (id) not null default 1
alter table shop.customer add z int, drop column phone, alter column points set default 1
alter table shop.customer alter name type varchar(120), alter phone type varchar(30), alter sku type text
alter table shop.customer alter column balance type numeric(12,2), alter column score set not null
alter table shop.customer alter column balance set data type numeric(12,2) using balance
alter table shop.customer alter column created type timestamp(0)
alter table shop.customer alter column created type date
alter table shop.customer alter column at type timetz
alter table shop.customer alter column at type time(0)
alter table shop.customer alter column born type timestamp
alter table shop.customer alter column score type numeric
alter table shop.customer alter column points type smallint
alter table shop.customer alter column level type numeric(10,2) using level::numeric(10,2)
alter table shop.customer alter column tags type text[] using coalesce(tags, '{}')
alter table shop.customer alter column tags type varchar(10)[] using tags::varchar(10)[]
alter table shop.customer alter column tags type jsonb using to_jsonb(tags)
alter table shop.customer alter column phone type citext
alter table shop.customer alter column phone type varchar(20) collate "POSIX"
alter table shop.customer alter column code type bpchar
alter table shop.customer alter column code type varchar(4) using substr(code, 1, 4)
alter table shop.customer alter column active type boolean
alter table shop.customer alter column active drop default, alter column active type text
alter table shop.customer alter column reg type oid
alter table shop.customer alter column mac type text
alter table shop.customer alter column mac type macaddr8
alter table shop.customer alter column window_ type text
alter table shop.customer alter column money_ type numeric
alter table shop.customer alter column home type text using home::text
alter table shop.customer alter column tsv type text
alter table shop.customer alter column mail type varchar(100)
alter table shop.customer alter column n type shop.qty
alter table shop.orders alter column note type varchar
alter table shop.orders alter column status type varchar(20)
alter table shop.orders alter column total type numeric(14,2)
alter table shop.orders alter column ref_sku type shop.sku
alter table shop.orders alter column placed type timestamptz(6)
alter table shop.orders alter column placed type timestamp using placed at time zone 'UTC'
alter table shop.line alter column pos type bigint, alter column qty type bigint
alter table shop.line alter column order_id type int
alter table shop.note alter column body type varchar(500)
alter table shop.note alter column body type text
alter table public.note alter column body type varchar(5000)
alter table note alter column author drop default, alter column author type name
alter table only shop.dog alter column breed set not null
alter table shop.cat alter column lives type smallint
alter table shop.cat add check (lives > 0) not valid, validate constraint cat_lives_check
alter table shop.animal drop column age, add column age smallint
alter table shop.animal add unique (name)
alter table only shop.animal add primary key using index animal_pkey
alter table shop.session add column kind text not null default 'web', set logged
alter table shop.session set logged, set unlogged
alter table shop.setting add constraint v check (value <> '') not valid; alter table shop.setting validate constraint v; alter table shop.setting drop constraint v
alter table shop.event_2024 drop constraint if exists nope, add constraint kk check (kind <> '')
alter table shop.event add column if not exists kind text not null default random()::text
alter table shop.event alter column id type numeric
alter table shop.event alter column kind type varchar
alter table shop.event add foreign key (kind) references shop.product not valid
alter table shop.event_2025 add foreign key (kind) references shop.product
alter table shop.event detach partition shop.event_2025 concurrently
alter table shop.event detach partition shop.event_rest; alter table shop.event attach partition shop.event_rest default
alter table shop.event detach partition shop.event_2025; alter table shop.event attach partition shop.event_2025 for values from ('2025-01-01') to ('2026-01-01')
alter table shop.event detach partition shop.event_rest; create table shop.event_2040 partition of shop.event for values from ('2040-01-01') to ('2041-01-01')
create table shop.event_2026b partition of shop.event (primary key (id)) for values from ('2026-06-01') to ('2026-07-01')
create table if not exists shop.event_2024 partition of shop.event for values from ('2024-01-01') to ('2025-01-01')
create table shop.region_mixed partition of shop.region for values in ('us', 'ca') partition by list (country)
create table shop.p2 (like shop.event including defaults) partition by range (at); alter table shop.p2 attach partition shop.event_2026 for values from ('2026-01-01') to ('2027-01-01')
drop table shop.event_rest; create table shop.event_2041 partition of shop.event for values from ('2041-01-01') to ('2042-01-01')
truncate shop.event_2025
truncate only shop.event_2024, shop.bucket
truncate shop.event restart identity cascade
reindex index shop.customer_score_key
reindex (concurrently) index shop.customer_score_key
reindex table "Mixed Case"."Order Items"
reindex table shop.fish
reindex table shop.region
cluster shop.note using note_pkey
cluster verbose shop.customer using customer_name_idx
cluster shop.customer
alter table shop.note cluster on note_pkey; alter table shop.note set without cluster
create unique index on shop.orders (id) where status = 'open'
create unique index on shop.sales (customer_id, total)
create index on shop.plain_mv (kind)
create index on shop.empty_mv (sku)
create index on shop.orders using gist (note gist_trgm_ops)
create index on shop.orders using spgist (note)
create index if not exists brand_new on shop.orders (note)
create index if not exists customer_name_idx on shop.orders (note)
create index concurrently if not exists customer_name_idx on shop.customer (name)
create index on shop.session (expires); create index on shop.bucket (v)
create index on only shop.bucket (v); create index b0 on shop.bucket_0 (v)
create index on shop.tree (path text_pattern_ops) with (fillfactor = 70) tablespace pg_default
drop index concurrently if exists shop.nope
drop index shop.customer_name_idx, shop.orders_customer_idx
drop index shop.product_search_idx cascade
alter index shop.event_at_idx rename to event_when
alter index if exists shop.nope set (fillfactor = 50)
create trigger tr after truncate on shop.orders execute function shop.on_change()
create trigger tr instead of update on shop.open_orders for each row execute function shop.on_change()
alter table shop.orders disable trigger orders_touch
create policy pp on shop.customer for update to app_user using (true) with check (active)
alter table shop.orders enable row level security, force row level security
alter table shop.orders no force row level security, disable row level security
alter table shop.orders replica identity nothing
alter view shop.open_orders owner to app_admin
alter view shop.open_orders set schema audit
create or replace view shop.simple as select sku, title, price from shop.product
create recursive view shop.rv (n) as select 1 union all select n + 1 from rv where n < 5
drop view shop.simple, shop.open_orders
create materialized view if not exists shop.sales as select 1 as a
refresh materialized view shop.sales; refresh materialized view shop.plain_mv
do $$ begin refresh materialized view shop.sales; end $$
drop materialized view shop.plain_mv; create materialized view shop.plain_mv as select kind from shop.event; create index on shop.plain_mv (kind)
create table shop.x as select 1 as a; alter table shop.x alter column a set not null; alter table shop.x add primary key (a)
create table shop.x (a int); insert into shop.x select id from shop.orders; create unique index on shop.x (a)
create table shop.x (a int); alter table shop.x add foreign key (a) references shop.tree
create table shop.x (a int references shop.tree, b bigint references shop.orders on delete cascade)
create table shop.x (a int) inherits (shop.tree)
create unlogged table shop.x (a int); alter table shop.x set logged
create table shop.x (like shop.customer including indexes including constraints); alter table shop.x rename to customer_copy
create temporary table orders on commit drop as select 1 as id; create index on orders (id)
create temp table tt (id int); alter table tt add primary key (id)
create schema n1; create table n1.orders (id int); create index on n1.orders (id)
set search_path = audit, shop; create table orders (id int); create index on orders (id)
set search_path = audit, shop; create index on orders (note)
select set_config('search_path', 'shop', true); create index on orders (note)
select pg_catalog.set_config('search_path', '', false); create index on shop.orders (note)
reset search_path; alter table note add check (id > 0)
alter role app_user in database work set search_path = shop
drop table shop.line; alter table shop.orders alter column note type varchar(40)
drop table shop.line, shop.orders cascade; create table shop.orders (id int); create index on shop.orders (id)
alter table shop.orders rename to o2; alter table shop.o2 rename to o3; alter table shop.o3 add check (id > 0)
alter table shop.orders set schema audit; alter table audit.orders add check (id > 0)
alter schema shop rename to store; alter table store.orders add check (id > 0)
alter schema shop rename to store; create index on store.log (line); alter table store.customer alter column score set not null
alter table shop.customer rename constraint score_there to st; alter table shop.customer alter column score set not null
alter table shop.customer drop column score; alter table shop.customer add column score int not null default 0
alter table shop.customer alter column points set not null; alter table shop.customer alter column points drop not null; alter table shop.customer alter column points set not null
alter table shop.customer add constraint ph check (phone is not null) not valid, add constraint ph2 check (phone <> '') not valid
alter table shop.customer add constraint ph check (phone is not null); alter table shop.customer alter column phone set not null
alter table shop.customer add constraint cc check (name is not null or phone is not null); alter table shop.customer alter column name set not null
alter table shop.customer validate constraint points_ok, validate constraint name_len
alter table shop.customer drop constraint big_there, add constraint big_there check (big is not null) not valid
alter table shop.tree drop constraint tree_parent_fkey, add constraint tree_parent_fkey foreign key (parent) references shop.tree not valid
alter table shop.tree add constraint pf foreign key (parent) references shop.tree not valid; alter table shop.tree validate constraint pf
alter table shop.unkeyed add constraint uq unique using index unkeyed_ab deferrable
alter table shop.unkeyed alter column c set not null; alter table shop.unkeyed add constraint pkc primary key using index unkeyed_c
alter table shop.unkeyed add constraint ck check (c is not null); alter table shop.unkeyed add constraint pkc primary key using index unkeyed_c
create unique index ux on shop.unkeyed (b, a); alter table shop.unkeyed add primary key using index ux
alter table shop.booking add exclude (room with =)
alter domain shop.email rename to mail_address; alter table shop.log add column m shop.mail_address
alter domain shop.email validate constraint email_check
alter domain shop.sku add not null
alter domain shop.sku add constraint nn check (value <> '') not valid; alter table shop.log add column s shop.sku
create domain shop.d1 as int default 5; alter table shop.log add column d shop.d1
create domain shop.d1 as int; alter domain shop.d1 add check (value > 0); alter table shop.log add column d shop.d1
create domain shop.d1 as text; alter table shop.orders alter column note type shop.d1
create domain shop.d1 as text check (value <> 'q'); alter table shop.orders alter column note type shop.d1
create type shop.k as enum ('a'); alter type shop.k add value 'b'; alter table shop.log add column k shop.k
alter type shop.status add value 'x'; alter table shop.log add column s shop.status default 'new'
alter type shop.address rename attribute zip to postcode
drop type shop.price_range
drop type shop.status cascade
drop domain shop.email cascade
drop function shop.on_change() cascade
create or replace function shop.fixed() returns int language sql volatile as 'select 43'; alter table shop.log add column f int default shop.fixed()
create function shop.v() returns int language plpgsql stable as 'begin return 1; end'; alter table shop.log add column f int default shop.v()
create function shop.v(a int default 1) returns int language plpgsql immutable as 'begin return a; end'; alter table shop.log add column f int default shop.v(2)
create function shop.v() returns void language plpgsql as $$ begin create table if not exists shop.made (a int); create index on shop.made (a); end $$; select shop.v()
create function shop.v() returns void language plpgsql as $$ begin perform shop.add_index(); end $$; select shop.v()
select shop.add_index() where false
select case when false then shop.add_index() end
do $$ begin call shop.widen(); end $$
do $$ declare t text; begin foreach t in array array['log', 'note2'] loop if to_regclass('shop.' || t) is not null then execute format('create index on shop.%I (line)', t); end if; end loop; end $$
do $$ begin if (select count(*) from shop.setting) = 0 then insert into shop.setting values ('a', 'b'); end if; end $$
do $$ begin if to_regclass('shop.no_such') is not null then alter table shop.orders alter column note set not null; end if; end $$
do $$ begin if not exists (select 1 from pg_constraint where conname = 'points_ok') then alter table shop.customer add constraint points_ok check (points >= 0); end if; end $$
do $$ begin if not exists (select 1 from pg_indexes where schemaname = 'shop' and indexname = 'customer_name_idx') then create index customer_name_idx on shop.customer (name); end if; end $$
do $$ begin if not exists (select 1 from pg_indexes where schemaname = 'shop' and indexname = 'customer_phone_idx') then create index customer_phone_idx on shop.customer (phone); end if; end $$
do $$ begin if exists (select 1 from information_schema.columns where table_name = 'customer' and column_name = 'points' and data_type = 'smallint') then alter table shop.customer alter column points type int; end if; end $$
do $$ begin if exists (select 1 from information_schema.columns where table_name = 'customer' and column_name = 'score' and data_type = 'bigint') then alter table shop.customer alter column score type int; end if; end $$
do $$ begin if not exists (select 1 from pg_type where typname = 'status') then create type shop.status as enum ('x'); end if; end $$
do $$ begin alter table shop.orders add constraint points check (id > 0) not valid; alter table shop.orders validate constraint points; end $$
do $$ begin lock table shop.orders in share mode; create index on shop.orders (note); end $$
do $$ declare n int := 0; begin select count(*) into n from shop.orders; if n > 1000000 then return; end if; create index on shop.orders (note); end $$
do $$ begin execute 'alter table shop.orders ' || 'add check (total < 1e9)'; end $$
do language sql 'select 1'
lock table shop.orders in share row exclusive mode; create index on shop.orders (note)
lock table shop.log in access exclusive mode; alter table shop.log add column a int
lock table shop.customer, shop.orders in share update exclusive mode; alter table shop.customer validate constraint points_ok
alter table shop.orders add column a int; alter table shop.orders validate constraint total_ok
create index on shop.orders (note); alter table shop.orders validate constraint total_ok
alter table shop.customer add column a int; select count(*) from shop.customer
alter table shop.customer add column a int; create statistics shop.st2 on name, phone from shop.customer; analyze shop.customer
alter table shop.customer add column a int; refresh materialized view shop.sales
alter table shop.orders disable trigger user; update shop.orders set note = 'z'; alter table shop.orders enable trigger user
alter table shop.orders disable trigger user; create index on shop.log (at)
drop trigger orders_touch on shop.orders; create trigger orders_touch before insert on shop.orders for each row execute function shop.on_change()
insert into shop.product select 'q' || g, 'x' from generate_series(1, 9) g; alter table shop.product add check (title <> '')
update shop.orders set note = '' where note is null; alter table shop.orders alter column note set not null
with x as (select 1) insert into shop.setting select 'k', 'v' from x
delete from shop.orders where id in (select order_id from shop.line)
comment on constraint points_ok on shop.customer is 'x'; comment on type shop.status is 'y'; comment on domain shop.email is null
grant usage on schema shop to app_user; grant select, insert on shop.orders, shop.line to app_user with grant option
alter table shop.orders owner to app_admin; alter sequence shop.orders_id_seq owner to app_admin
alter sequence shop.orders_id_seq owned by none; alter sequence shop.ticket increment by 10
alter table shop.orders alter column id drop default, alter column id add generated by default as identity
alter table shop.customer alter column id set generated always set increment by 5
create publication p3 for table shop.log where (line <> '')
alter publication shop_pub drop table shop.line
drop publication shop_pub
create foreign table shop.ff (a text) server files options (filename '/etc/hostname'); alter foreign table shop.ff alter column a set not null
alter foreign table shop.ext_file drop column b
create rule rr as on insert to shop.simple do instead insert into shop.product (sku, title) values (new.sku, new.title)
alter rule no_delete on shop.setting rename to nd
create event trigger et2 on sql_drop execute function shop.on_evt(); drop table shop.log
alter event trigger watch_ddl disable; alter table shop.log add check (line <> '')
begin; create index on shop.orders (note); rollback
savepoint s; alter table shop.orders add check (total < 1e9); rollback to s; alter table shop.orders add column ok int
savepoint s; alter table shop.orders add check (total < 1e9); release s
discard plans
checkpoint
load 'plpgsql'
show work_mem
set statement_timeout = 0; set maintenance_work_mem = '1GB'; reset all

-- Written before lint ran on any of them (first run: 0.774 and 0.960 on PostgreSQL 15, mostly blocks
-- with conditions). Lint was corrected with them afterwards.
do $$ begin if exists (select 1 from information_schema.table_constraints where constraint_name = 'total_ok' and table_name = 'orders') then alter table shop.orders validate constraint total_ok; end if; end $$
do $$ begin if not exists (select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relname = 'customer_name_idx' and n.nspname = 'shop') then create index customer_name_idx on shop.customer (name); end if; end $$
do $$ begin if not exists (select from pg_attribute where attrelid = 'shop.orders'::regclass and attname = 'note' and not attisdropped) then alter table shop.orders add column note text default random()::text; end if; end $$
do $$ begin if not exists (select from pg_attribute where attrelid = 'shop.orders'::regclass and attname = 'extra1') then alter table shop.orders add column extra1 text default random()::text; end if; end $$
do $$ declare v int; begin select count(*) into v from information_schema.columns where table_name = 'orders' and column_name = 'note'; if v = 0 then alter table shop.orders add column note text default random()::text; end if; end $$
do $$ declare found_ boolean; begin select exists(select 1 from information_schema.columns where table_name = 'orders' and column_name = 'note') into found_; if not found_ then create index on shop.orders (note); end if; end $$
do $$ declare ok boolean := exists (select 1 from information_schema.tables where table_name = 'nope'); begin if ok then create index on shop.orders (note); end if; end $$
do $$ begin perform 1 from pg_constraint where conname = 'nope_c'; if found then create index on shop.orders (note); end if; end $$
do $$ begin perform 1 from pg_constraint where conname = 'nope_c'; if not found then create index on shop.orders (note); end if; end $$
do $$ begin alter table shop.customer add constraint points_ok check (points > -5); exception when duplicate_object then raise notice 'there'; end $$
do $$ begin create index customer_name_idx on shop.customer (phone); exception when duplicate_table then null; end $$
do $$ begin alter table shop.orders add column note text default random()::text; exception when duplicate_column then null; end $$
alter table shop.customer alter column code type varchar(8) using rtrim(code)
alter table shop.customer alter column phone type bpchar
alter table shop.customer alter column name type bpchar
alter table shop.product alter column kind type varchar(10), alter column kind set default 'x'
alter table shop.product add constraint s_fk foreign key (kind) references shop.setting on update cascade not valid; alter table shop.product validate constraint s_fk
alter table shop.line drop constraint line_sku; alter table shop.product drop constraint product_pkey; alter table shop.product add primary key (sku)
alter table shop.product drop constraint product_pkey cascade, add column id bigserial primary key
alter table shop.customer add unique nulls not distinct (phone)
alter table shop.orders add unique (id) include (total)
alter table shop.orders add constraint x check (total > 0) no inherit not valid
alter table shop.tree add constraint self check (parent <> id)
alter table shop.tree alter column path set default 'p', alter column path set not null
alter table shop.session add check (sid <> '') , set (autovacuum_enabled = false)
create index concurrently on shop.event_2024 (kind)
create index concurrently on shop.event (kind)
alter table shop.metric_q1 attach partition shop.metric_q2 default
create table shop.metric_q3 partition of shop.metric for values from ('2025-07-01') to ('2025-10-01')
alter table shop.metric detach partition shop.metric_q1
alter table shop.bucket detach partition shop.bucket_0; alter table shop.bucket_0 add primary key (id)
drop table shop.bucket_0; create table shop.bucket_0 partition of shop.bucket for values with (modulus 3, remainder 0)
alter table shop.event_rest add constraint not_27 check (at < '2027-01-01' or at >= '2028-01-01') not valid; alter table shop.event attach partition shop.event_2027 for values from ('2027-01-01') to ('2028-01-01')
alter table shop.customer alter column prefs type json
alter table shop.customer alter column doc type varchar
alter table shop.customer alter column net type cidr
alter table shop.customer alter column span type interval day to second
alter table shop.customer alter column valid_till type timestamptz(3)
alter table shop.customer alter column oid_ type int
alter table shop.customer alter column bits type varbit(16)
alter table shop.customer alter column bits type text using bits::text
alter table shop.customer alter column balance type numeric(9,2)
alter table shop.customer alter column balance type numeric(20,2), alter column balance set default 1
alter table shop.customer alter column labels type varchar[]
alter table shop.customer alter column tags type text[]
alter table shop.customer alter column created type timestamp
alter table shop.customer alter column created type timestamptz using created at time zone 'Europe/Paris'
alter table shop.customer alter column email type citext
alter table shop.customer alter column score drop not null, alter column score type int
alter table shop.customer add column v1 text default null::text, add column v2 int default null
alter table shop.customer add column v1 text default nullif('a', 'a')
alter table shop.customer add column v1 text default coalesce(null, 'a')
alter table shop.customer add column v1 text default current_user || '@' || current_database()
alter table shop.customer add column v1 tsvector default to_tsvector('simple', 'a')
alter table shop.customer add column v1 tsvector default to_tsvector('a')
alter table shop.customer add column v1 int default (select 1)
alter table shop.customer add column v1 text default regexp_replace('abc', 'b', 'x'), add column v2 int default 7 / 2
alter table shop.customer add column v1 uuid default md5('a')::uuid
alter table shop.customer add column v1 bigint default nextval('shop.ticket'::regclass) not null
alter table shop.customer add column v1 text default pg_catalog.now()::text
alter table shop.customer add column v1 jsonb default json_build_object('a', random())::jsonb
alter table shop.customer add column v1 int[] default array_fill(0, array[3])
alter table shop.customer add column v1 timestamptz default date_trunc('day', now())
alter table shop.customer add column v1 text default shop.norm('A')
alter table shop.customer add column v1 text default shop.norm(shop.next_code())
alter table shop.customer add column v1 daterange default daterange('2020-01-01', null)

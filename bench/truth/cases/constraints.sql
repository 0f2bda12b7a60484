-- Constraints
alter table wide add check (a > 0)
alter table wide add check (a > 0) not valid
alter table wide add check (a > 0) no inherit
alter table wide add check (true)
alter table wide add constraint w check (b <> '' or c is null)
alter table wide add constraint w check (a > 0) not valid; alter table wide validate constraint w
alter table wide add constraint w check (a > 0) not enforced
alter table wide add constraint w check (a > 0), add constraint v check (h > 0)
alter table wide add constraint w check (a > 0) not valid, add constraint v check (h > 0) not valid
alter table wide add constraint w check (a > 0) not valid, add constraint v check (h > 0)
alter table base add check (id > 0)
alter table base add check (id > 0) not valid
alter table only base add check (id > 0) no inherit
alter table derived add check (extra > 0)
alter table parts add check (id > 0)
alter table parts add check (id > 0) not valid
alter table parts_2025 add check (id > 0)
alter table deep add check (id > 0)
alter table deep_2026 add check (id > 0)
alter table empty_parts add check (id > 0)
alter table empty_parts add check (id > 0) not valid
alter table proofs validate constraint c_later
alter table proofs validate constraint a_there
alter table refs validate constraint child_later
alter table refs validate constraint refs_parent_id_fkey
alter table child validate constraint n_later, validate constraint m_there
alter table refs add constraint f foreign key (child_id) references target
alter table refs add constraint f foreign key (child_id) references target (id) on delete set null
alter table refs add constraint f foreign key (child_id) references target (id) not valid
alter table refs add constraint f foreign key (child_id) references target (id) not valid; alter table refs validate constraint f
alter table refs add constraint f foreign key (child_id) references target (id) not valid, validate constraint f
alter table refs add constraint f foreign key (child_id) references target (id) not enforced
alter table refs add foreign key (parent_id) references parent, add foreign key (child_id) references target
alter table refs add foreign key (id) references refs (id)
alter table refs add foreign key (id) references refs (id) not valid
alter table parts add foreign key (id) references parent
alter table parts add foreign key (id) references parent not valid
alter table parts_2025 add foreign key (id) references parent
alter table parts_2025 add foreign key (id) references parent not valid
alter table empty_parts add foreign key (id) references parent
alter table deep add foreign key (id) references parent
alter table bare add column at timestamptz, add foreign key (a, at) references ranged (id, at)
alter table refs alter constraint refs_parent_id_fkey deferrable
alter table refs alter constraint refs_parent_id_fkey deferrable initially deferred
alter table refs drop constraint refs_parent_id_fkey
alter table refs drop constraint refs_parent_id_fkey, add constraint f foreign key (parent_id) references parent on delete cascade
alter table refs drop constraint refs_parent_id_fkey, add constraint f foreign key (parent_id) references parent on delete cascade not valid
alter table refs drop constraint if exists nothing
alter table refs rename constraint refs_parent_id_fkey to f
alter table wide add unique (b)
alter table wide add constraint u unique (b, c)
alter table wide add constraint u unique (b) deferrable
alter table wide add constraint u unique nulls not distinct (b)
alter table wide add constraint u unique (b) include (c)
alter table wide add constraint u unique (b) with (fillfactor = 70)
alter table wide add constraint u unique using index wide_i
alter table wide add constraint u unique using index wide_i deferrable
alter table wide add unique using index wide_i
alter table bare add primary key (a)
alter table bare add primary key using index bare_a
alter table bare add constraint p primary key using index bare_a
alter table bare add primary key (a, b)
alter table bare alter column a set not null, add primary key using index bare_a
alter table bare alter column a set not null; alter table bare add primary key using index bare_a
alter table wide drop constraint wide_pkey, add primary key (i)
alter table wide drop constraint wide_pkey, add primary key using index wide_i
alter table wide drop constraint wide_pkey; alter table wide add primary key (id)
alter table many drop constraint many_pkey; alter table many add primary key (id, n)
alter table wide drop constraint wide_pkey
alter table wide add exclude using gist (v with =)
alter table wide add exclude using btree (b with =)
alter table wide add exclude using btree (b with =) where (x)
alter table parts add unique (id, at)
alter table parts add constraint u unique (at)
alter table only parts add unique (id, at)
alter table empty_parts add unique (id, at)
alter table deep add unique (id, at)
alter table wide add not null a
alter table wide add not null b
alter table wide add constraint nn not null b
alter table wide add constraint nn not null b not valid
alter table wide add constraint nn not null b not valid; alter table wide validate constraint nn
alter table wide add constraint nn not null b not valid, validate constraint nn
alter table proofs add constraint nn not null a
alter table ranged drop constraint ranged_pkey
create domain fresh as int check (value > 0)
create domain fresh as text; alter table wide add column aa fresh
create domain fresh as text check (value <> ''); alter table wide add column aa fresh
-- Domains and types
alter domain positive add check (value < 1000)
alter domain positive add constraint small check (value < 1000) not valid; alter domain positive validate constraint small
alter domain positive validate constraint positive_check
alter domain positive set not null
alter domain positive drop not null
alter domain positive set default 5
alter domain positive drop default
alter domain positive drop constraint positive_check
alter domain positive drop constraint if exists nothing
alter domain positive rename constraint positive_check to pc
alter domain positive rename to more_than_nothing
alter domain positive set schema other
alter domain lone add check (value <> '')
alter domain lone set not null
alter domain counted add check (value > 0)
alter domain tagged add check (cardinality(value) > 0)
alter domain named set not null
alter domain over_positive add check (value < 50)
alter type mood add value 'glad'
alter type mood add value 'glad' before 'ok'
alter type mood add value if not exists 'ok'
alter type mood rename to moods
alter type mood rename value 'ok' to 'fine'
alter type pair add attribute c int
alter type pair add attribute c int cascade
alter type pair drop attribute b
alter type pair alter attribute a type bigint
alter type pair rename attribute a to aa
alter type one add attribute b int cascade
alter type one alter attribute a type bigint cascade
create type fresh as enum ('a')
create type fresh as enum ('a'); alter table wide add column aa fresh default 'a'
create type fresh as (a int)
create type fresh as range (subtype = int)
create cast (mood as int) with inout
drop domain if exists lone cascade
drop type one cascade
drop type mood cascade
alter table refs add constraint f foreign key (child_id) references target (id) not enforced; alter table refs alter constraint f enforced
alter table refs add constraint f foreign key (child_id) references target (id) not valid; alter table refs alter constraint f enforced
alter table refs add constraint f foreign key (child_id) references target (id) not enforced; alter table refs alter constraint f deferrable

-- The ledger, format 3: its home, so that a copy can be distinguished from it; and statements that were undone.
-- Run once under the run lock, in one transaction, by the role that owns format 2. Entries and their hashes stay.
alter table ctgitops.progress drop constraint progress_mark;
alter table ctgitops.progress add constraint progress_mark check (mark in ('begun', 'done', 'healed', 'undone')) not valid;
-- The marks of format 2 are included, so no row needs to be checked.
comment on column ctgitops.progress.mark is 'begun: its outcome is not recorded yet; done; healed: leftovers of an interrupted attempt were repaired; undone: a repair recorded that it is not done.';

create table ctgitops.home (
    id                bigint      not null generated always as identity primary key,
    environment       text        not null,
    system_identifier bigint,
    database_oid      bigint      not null,
    database_name     text        not null,
    ledger_id         uuid        not null,
    since             timestamptz not null default pg_catalog.transaction_timestamp(),
    reason            text        not null default ''
);
comment on table ctgitops.home is 'The environment and the database that this ledger belongs to; the newest row counts. Rows are only ever added.';
comment on column ctgitops.home.id is 'Order of the rows.';
comment on column ctgitops.home.environment is 'Name of the environment.';
comment on column ctgitops.home.system_identifier is 'System identifier of the cluster; null if the role may not read it.';
comment on column ctgitops.home.database_oid is 'OID of the database in that cluster.';
comment on column ctgitops.home.database_name is 'Name of the database at that time.';
comment on column ctgitops.home.ledger_id is 'The ledger''s identity, which a manifest may pin as `database: {id: …}`.';
comment on column ctgitops.home.since is 'When this database became the home.';
comment on column ctgitops.home.reason is 'The reason given to `ctgitops repair --adopt`; empty for the first home.';

create trigger refuse_change before update or delete or truncate on ctgitops.home
    for each statement execute function ctgitops.refuse_change();
alter table ctgitops.home enable always trigger refuse_change;

-- Default privileges of the database must not apply here; roles with access to the ledger get access here.
do $privileges$
declare
    grant_of record;
begin
    for grant_of in
        select distinct c.relname, a.grantee
        from pg_catalog.pg_class c, lateral pg_catalog.aclexplode(c.relacl) a
        where c.oid in ('ctgitops.home'::regclass,
                        pg_catalog.pg_get_serial_sequence('ctgitops.home', 'id')::regclass)
          and a.grantee operator(pg_catalog.<>) c.relowner
    loop
        execute pg_catalog.format('revoke all on ctgitops.%I from %s', grant_of.relname,
                       case when grant_of.grantee operator(pg_catalog.=) 0 then 'public' else grant_of.grantee::regrole::text end);
    end loop;
    for grant_of in
        select a.grantee::regrole as grantee, a.privilege_type as privilege
        from pg_catalog.pg_class c, lateral pg_catalog.aclexplode(c.relacl) a
        where c.oid operator(pg_catalog.=) 'ctgitops.ledger'::regclass and a.grantee operator(pg_catalog.<>) c.relowner and a.grantee operator(pg_catalog.<>) 0
          and a.privilege_type in ('SELECT', 'INSERT')
    loop
        execute pg_catalog.format('grant %s on ctgitops.home to %s', grant_of.privilege, grant_of.grantee);
    end loop;
end
$privileges$;

insert into ctgitops.format (version) values (3);

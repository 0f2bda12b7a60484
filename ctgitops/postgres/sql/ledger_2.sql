-- The ledger, format 2: completed parts of an unfinished migration, the current run, and two more marks.
-- Run once under the run lock, in one transaction, by the role that owns format 1. Entries and their hashes stay.
alter table ctgitops.ledger drop constraint ledger_mark;
alter table ctgitops.ledger add constraint ledger_mark check (mark in
    ('baselined', 'started', 'applied', 'failed', 'interrupted', 'deferred', 'rolled-back', 'repaired')) not valid;
-- The marks of format 1 are included, so no row needs to be checked.
comment on column ctgitops.ledger.mark is
    'What the row records: baselined, started, applied, failed, interrupted, deferred, rolled-back, repaired.';

comment on column ctgitops.ledger.error is
    'Why it failed; for a repair, the reason given; for a rollback that nobody asked for, why it was done.';

create or replace view ctgitops.migrations as
    select l.number, l.name, l.version, l.mark, l.checksum, l.finished_at as applied_at, l.millis, l.actor, l.commit_sha,
           l.pull_request, l.receipt operator(pg_catalog.->>) 'location' as backup, l.rollback_sql is not null as can_roll_back
    from ctgitops.ledger l
    join (
        select e.number, max(e.id) as id
        from ctgitops.ledger e
        where e.number is not null and e.mark not in ('started', 'failed', 'interrupted', 'deferred')
        group by e.number
    ) newest on newest.id = l.id
    where l.mark in ('applied', 'baselined') or (l.mark = 'repaired' and l.checksum is not null);

create table ctgitops.progress (
    id             bigint      not null generated always as identity primary key,
    entry          bigint      not null,
    number         bigint      not null,
    name           text        not null,
    checksum       text        not null,
    kind           text        not null,
    mark           text        not null,
    position       integer     not null,
    statement_hash text        not null,
    rows           bigint,
    note           text,
    started_at     timestamptz not null default pg_catalog.transaction_timestamp(),
    finished_at    timestamptz,
    backend_pid    integer     not null,
    backend_start  timestamptz not null,
    constraint progress_kind check (kind in ('statement', 'batch')),
    constraint progress_mark check (mark in ('begun', 'done', 'healed'))
);
comment on table ctgitops.progress is 'What of a migration outside a transaction is done, statement by statement and batch by batch. Rows are only ever added.';
comment on column ctgitops.progress.id is 'Order of the rows.';
comment on column ctgitops.progress.entry is 'The entry `started` of the run that wrote the row, which says who and for what.';
comment on column ctgitops.progress.number is 'Number of the migration.';
comment on column ctgitops.progress.name is 'Name of the migration.';
comment on column ctgitops.progress.checksum is 'Checksum of the file at that time; of a rollback, of its SQL.';
comment on column ctgitops.progress.kind is 'statement, or batch: one of the many transactions of a batched migration.';
comment on column ctgitops.progress.mark is 'begun: it may leave something behind, and its outcome is not known yet; done; healed: what an earlier attempt left behind was put right.';
comment on column ctgitops.progress.position is 'Which statement of the file, from 1.';
comment on column ctgitops.progress.statement_hash is 'sha256 of the statement''s text as it stands in the file.';
comment on column ctgitops.progress.rows is 'How many rows it touched.';
comment on column ctgitops.progress.note is 'What was healed, and how.';
comment on column ctgitops.progress.started_at is 'When the statement or batch began.';
comment on column ctgitops.progress.finished_at is 'When it ended; null for begun.';
comment on column ctgitops.progress.backend_pid is 'Process of the server that carried it out.';
comment on column ctgitops.progress.backend_start is 'When that process began, which tells it from a later one with its number.';

create index progress_number on ctgitops.progress (number, id);

create table ctgitops.lease (
    one            boolean     not null default true primary key,
    actor          text,
    run_url        text,
    plan           text,
    step           text,
    since          timestamptz not null default pg_catalog.transaction_timestamp(),
    seen           timestamptz not null default pg_catalog.transaction_timestamp(),
    ended          timestamptz,
    backend_pid    integer     not null,
    backend_start  timestamptz not null,
    tool_version   text,
    constraint lease_one check (one)
);
comment on table ctgitops.lease is 'Who holds the run lock, or held it last. For people only: the lock is an advisory lock, and this row decides nothing.';
comment on column ctgitops.lease.one is 'True: there is one row.';
comment on column ctgitops.lease.actor is 'Who runs it.';
comment on column ctgitops.lease.run_url is 'URL of the workflow run.';
comment on column ctgitops.lease.plan is 'Fingerprint of the plan that is carried out.';
comment on column ctgitops.lease.step is 'What is being done now.';
comment on column ctgitops.lease.since is 'Since when the run has the lock.';
comment on column ctgitops.lease.seen is 'When the run wrote this row last.';
comment on column ctgitops.lease.ended is 'When the run gave the lock back; null while it holds it, and for one that was killed.';
comment on column ctgitops.lease.backend_pid is 'Process of the server that holds the lock.';
comment on column ctgitops.lease.backend_start is 'When that process began: where no such process is there, the run is gone.';
comment on column ctgitops.lease.tool_version is 'Version of ctgitops.';

create trigger refuse_change before update or delete or truncate on ctgitops.progress
    for each statement execute function ctgitops.refuse_change();
alter table ctgitops.progress enable always trigger refuse_change;

-- Default privileges of the database must not apply here; roles with access to the ledger get access here.
do $privileges$
declare
    grant_of record;
begin
    for grant_of in
        select distinct c.relname, a.grantee
        from pg_catalog.pg_class c, lateral pg_catalog.aclexplode(c.relacl) a
        where c.oid in ('ctgitops.progress'::regclass, 'ctgitops.lease'::regclass,
                        pg_catalog.pg_get_serial_sequence('ctgitops.progress', 'id')::regclass)
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
        execute pg_catalog.format('grant %s on ctgitops.progress to %s', grant_of.privilege, grant_of.grantee);
        execute pg_catalog.format('grant %s on ctgitops.lease to %s',
                       case grant_of.privilege when 'SELECT' then 'select' else 'insert, update' end, grant_of.grantee);
    end loop;
end
$privileges$;

insert into ctgitops.format (version) values (2);

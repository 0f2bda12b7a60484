-- The ledger, format 2: completed parts of an unfinished migration, the current run, and two more marks.
-- Run once under the run lock, in one transaction, by the role that owns format 1. Entries and their hashes stay.
alter table ctgitops.ledger drop constraint ledger_mark;
alter table ctgitops.ledger add constraint ledger_mark check (mark in
    ('baselined', 'started', 'applied', 'failed', 'interrupted', 'deferred', 'rolled-back', 'repaired')) not valid;
-- The marks of format 1 are included, so no row needs to be checked.
comment on column ctgitops.ledger.mark is
    'What the row records: baselined, started, applied, failed, interrupted, deferred, rolled-back, repaired.';

comment on column ctgitops.ledger.error is
    'Why it failed; for a repair, the reason given; for an automatic rollback, its cause.';

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
comment on table ctgitops.progress is 'Progress of migrations that run outside a transaction: a row for each statement or batch. Rows are only ever added.';
comment on column ctgitops.progress.id is 'Order of the rows.';
comment on column ctgitops.progress.entry is 'The `started` entry of the run that wrote the row.';
comment on column ctgitops.progress.number is 'Number of the migration.';
comment on column ctgitops.progress.name is 'Name of the migration.';
comment on column ctgitops.progress.checksum is 'Checksum of the file at that time; for a rollback, of the rollback SQL.';
comment on column ctgitops.progress.kind is 'statement, or batch: one of the many transactions of a batched migration.';
comment on column ctgitops.progress.mark is 'begun: its outcome is not recorded yet; done; healed: leftovers of an interrupted attempt were repaired.';
comment on column ctgitops.progress.position is 'Position of the statement in the file, from 1.';
comment on column ctgitops.progress.statement_hash is 'sha256 of the statement''s text in the file.';
comment on column ctgitops.progress.rows is 'Number of rows that the statement or batch changed.';
comment on column ctgitops.progress.note is 'For begun, the state before the statement; for healed, what was repaired; for a repair, the reason given.';
comment on column ctgitops.progress.started_at is 'When the statement or batch began.';
comment on column ctgitops.progress.finished_at is 'When it ended; null for begun.';
comment on column ctgitops.progress.backend_pid is 'pid of the backend that ran it.';
comment on column ctgitops.progress.backend_start is 'When that backend started; a later backend can have the same pid.';

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
comment on table ctgitops.lease is 'The current or last holder of the run lock. For information only: the lock itself is an advisory lock.';
comment on column ctgitops.lease.one is 'Always true: the table has one row.';
comment on column ctgitops.lease.actor is 'Who started the run.';
comment on column ctgitops.lease.run_url is 'URL of the workflow run.';
comment on column ctgitops.lease.plan is 'Fingerprint of the plan that is being run.';
comment on column ctgitops.lease.step is 'The current step.';
comment on column ctgitops.lease.since is 'When the run took the lock.';
comment on column ctgitops.lease.seen is 'When the run last wrote this row.';
comment on column ctgitops.lease.ended is 'When the run released the lock; null while it holds the lock, and for a run that was killed.';
comment on column ctgitops.lease.backend_pid is 'pid of the backend that holds the lock.';
comment on column ctgitops.lease.backend_start is 'When that backend started; if no such backend exists, the run has ended.';
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

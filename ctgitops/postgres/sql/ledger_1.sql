-- The ledger, format 1. Run once under the run lock, in one transaction, by the role that applies migrations.
create schema ctgitops;
comment on schema ctgitops is 'The ledger of ctgitops. Append-only; ctgitops.migrations shows which migrations are applied now.';
revoke all on schema ctgitops from public;

create table ctgitops.ledger (
    id             bigint      not null generated always as identity primary key,
    number         bigint,
    name           text        not null,
    version        text,
    mark           text        not null,
    checksum       text,
    sql            text,
    rollback_sql   text,
    started_at     timestamptz not null default pg_catalog.transaction_timestamp(),
    finished_at    timestamptz,
    millis         bigint,
    error          text,
    actor          text,
    commit_sha     text,
    pull_request   bigint,
    run_url        text,
    plan           text,
    receipt        jsonb,
    tool_version   text,
    server_version text,
    previous_hash  text        not null,
    hash           text        not null,
    constraint ledger_mark check (mark in ('baselined', 'started', 'applied', 'failed', 'rolled-back', 'repaired')),
    constraint ledger_chain unique (previous_hash)
);
comment on table ctgitops.ledger is 'One row for each event, such as an applied migration. Rows are only ever added; each hash covers the row and the hash before it.';
comment on column ctgitops.ledger.number is 'Number of the migration; null for a seed file.';
comment on column ctgitops.ledger.mark is 'What the row records: baselined, started, applied, failed, rolled-back, repaired.';
comment on column ctgitops.ledger.checksum is 'sha256 of the file''s text, without byte order mark and with LF line ends.';
comment on column ctgitops.ledger.rollback_sql is 'SQL that `ctgitops rollback` runs.';
comment on column ctgitops.ledger.error is 'Why it failed; for a repair, the reason given.';
comment on column ctgitops.ledger.plan is 'Fingerprint of the plan that contains the step.';
comment on column ctgitops.ledger.receipt is 'The backup taken before the run: its location, and the command that restores it.';

create index ledger_number on ctgitops.ledger (number, id);

create table ctgitops.format (
    version    integer     not null primary key,
    since      timestamptz not null default pg_catalog.transaction_timestamp(),
    ledger_id  uuid        not null default pg_catalog.gen_random_uuid()
);
comment on table ctgitops.format is 'The formats of this ledger; the highest is the current one. ledger_id of the first row identifies the ledger.';

-- The same canonical form as `entry_hash` in ctgitops/core/ledger/ledger.py: a JSON array, times in UTC with microseconds.
create function ctgitops.chain_entry() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $chain$
begin
    -- A run that lost its lock may still be at work. Whoever comes second must leave no trace of what is done already.
    if new.mark in ('applied', 'rolled-back')
        and new.number is not null
        and (new.mark = 'applied') = exists (select from ctgitops.migrations m where m.number = new.number)
    then
        raise exception '% is % already', new.name, new.mark
            using errcode = 'restrict_violation', schema = 'ctgitops', table = 'ledger',
                  detail = 'Another run recorded it after this one had looked.';
    end if;
    select l.hash into new.previous_hash from ctgitops.ledger l order by l.id desc limit 1;
    new.previous_hash := coalesce(new.previous_hash, repeat('0', 64));
    new.hash := encode(sha256(convert_to(json_build_array(
        new.previous_hash, new.number, new.name, new.version, new.mark, new.checksum, new.sql, new.rollback_sql,
        to_char(new.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        to_char(new.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        new.millis, new.error, new.actor, new.commit_sha, new.pull_request, new.run_url, new.plan, new.receipt::text,
        new.tool_version, new.server_version
    )::text, 'UTF8')), 'hex');
    return new;
end
$chain$;

create function ctgitops.refuse_change() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $refuse$
begin
    raise exception 'ctgitops.% is append-only: % is refused', tg_table_name, tg_op
        using errcode = 'restrict_violation',
              hint = 'What is wrong in it is put right by another entry: ctgitops repair.';
end
$refuse$;

create trigger chain_entry before insert on ctgitops.ledger
    for each row execute function ctgitops.chain_entry();
create trigger refuse_change before update or delete or truncate on ctgitops.ledger
    for each statement execute function ctgitops.refuse_change();
create trigger refuse_change before update or delete or truncate on ctgitops.format
    for each statement execute function ctgitops.refuse_change();
-- ALWAYS: a migration that sets session_replication_role to replica must not switch the chain off.
alter table ctgitops.ledger enable always trigger chain_entry;
alter table ctgitops.ledger enable always trigger refuse_change;
alter table ctgitops.format enable always trigger refuse_change;

create view ctgitops.migrations as
    select l.number, l.name, l.version, l.mark, l.checksum, l.finished_at as applied_at, l.millis, l.actor, l.commit_sha,
           l.pull_request, l.receipt operator(pg_catalog.->>) 'location' as backup, l.rollback_sql is not null as can_roll_back
    from ctgitops.ledger l
    join (
        select e.number, max(e.id) as id
        from ctgitops.ledger e
        where e.number is not null and e.mark not in ('started', 'failed')
        group by e.number
    ) newest on newest.id = l.id
    where l.mark in ('applied', 'baselined') or (l.mark = 'repaired' and l.checksum is not null);
comment on view ctgitops.migrations is 'The migrations that are applied now.';

-- The function from the strategy document. During a run it passes its rollback SQL to the entry that the run writes,
-- and adds no entry of its own. Called by hand, in psql, it writes the entry itself.
create function ctgitops.record_migration(
    name text, checksum text default null, execution_time_ms bigint default null, success boolean default true,
    error text default null, rollback_sql text default null
) returns void
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $record$
declare
    stem constant text := regexp_replace(record_migration.name, '\.sql$', '');
    num constant bigint := substring(stem from '^\d{1,18}')::bigint;
    run constant text := coalesce(current_setting('ctgitops.run', true), '');
begin
    if run <> '' then
        if run <> stem then
            raise exception 'record_migration: % is being applied, not %', run, stem;
        end if;
        if not success then
            raise exception 'record_migration: % says of itself that it failed: %', stem, coalesce(error, 'no reason given');
        end if;
        perform set_config('ctgitops.rollback_sql', coalesce(rollback_sql, ''), false);
        return;
    end if;
    if exists (select from ctgitops.migrations m where m.number = num) then
        return;
    end if;
    insert into ctgitops.ledger (number, name, mark, checksum, rollback_sql, finished_at, millis, error, actor, server_version)
    values (num, stem, case when success then 'applied' else 'failed' end, record_migration.checksum,
            record_migration.rollback_sql, clock_timestamp(), execution_time_ms, record_migration.error, session_user,
            current_setting('server_version'));
end
$record$;

revoke all on all tables in schema ctgitops from public;
revoke all on all functions in schema ctgitops from public;

-- Default privileges of the database (Supabase grants new objects to anon and authenticated) must not apply here.
do $privileges$
declare
    grant_of record;
begin
    for grant_of in
        select distinct c.relname, a.grantee::regrole as grantee
        from pg_catalog.pg_class c, lateral pg_catalog.aclexplode(c.relacl) a
        where c.relnamespace operator(pg_catalog.=) 'ctgitops'::regnamespace and c.relkind in ('r', 'v', 'S')
          and a.grantee operator(pg_catalog.<>) c.relowner and a.grantee operator(pg_catalog.<>) 0
    loop
        execute pg_catalog.format('revoke all on ctgitops.%I from %s', grant_of.relname, grant_of.grantee);
    end loop;
    for grant_of in
        select distinct a.grantee::regrole as grantee
        from pg_catalog.pg_namespace n, lateral pg_catalog.aclexplode(n.nspacl) a
        where n.nspname = 'ctgitops' and a.grantee operator(pg_catalog.<>) n.nspowner and a.grantee operator(pg_catalog.<>) 0
    loop
        execute pg_catalog.format('revoke all on schema ctgitops from %s', grant_of.grantee);
    end loop;
    for grant_of in
        select distinct p.oid::regprocedure as routine, a.grantee::regrole as grantee
        from pg_catalog.pg_proc p, lateral pg_catalog.aclexplode(p.proacl) a
        where p.pronamespace operator(pg_catalog.=) 'ctgitops'::regnamespace and a.grantee operator(pg_catalog.<>) p.proowner and a.grantee operator(pg_catalog.<>) 0
    loop
        execute pg_catalog.format('revoke all on function %s from %s', grant_of.routine, grant_of.grantee);
    end loop;
end
$privileges$;

insert into ctgitops.format (version) values (1);

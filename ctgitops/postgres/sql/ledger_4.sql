-- The ledger, format 4: the load around each run, and samples of the load over days.
-- Run once under the run lock, in one transaction, by the role that owns format 3. Entries and their hashes stay.
create table ctgitops.performance (
    id           bigint      not null generated always as identity primary key,
    moment       text        not null,
    at           timestamptz not null default pg_catalog.clock_timestamp(),
    environment  text        not null,
    migrations   text[]      not null,
    plan         text        not null,
    figures      jsonb       not null,
    report       jsonb,
    actor        text,
    run_url      text,
    tool_version text        not null,
    constraint performance_moment check (moment in ('before', 'after', 'end'))
);
comment on table ctgitops.performance is 'The load before and after each run of an environment with `performance`. Rows are only ever added.';
comment on column ctgitops.performance.id is 'Order of the rows.';
comment on column ctgitops.performance.moment is 'before: before the first migration; after: right after the last one; end: at the end of `within`.';
comment on column ctgitops.performance.at is 'When the statistics were read.';
comment on column ctgitops.performance.environment is 'Name of the environment.';
comment on column ctgitops.performance.migrations is 'Names of the migrations of the run.';
comment on column ctgitops.performance.plan is 'Fingerprint of the plan.';
comment on column ctgitops.performance.figures is 'Cumulative statistics of the largest tables and busiest statements, in `tables` and `statements`.';
comment on column ctgitops.performance.report is 'For `end`, the findings, as in `ctgitops performance --format json`; otherwise null.';
comment on column ctgitops.performance.actor is 'Who started the run.';
comment on column ctgitops.performance.run_url is 'URL of the workflow run.';
comment on column ctgitops.performance.tool_version is 'Version of ctgitops.';

create table ctgitops.traffic (
    id           bigint      not null generated always as identity primary key,
    at           timestamptz not null default pg_catalog.clock_timestamp(),
    figures      jsonb       not null,
    tool_version text        not null
);
comment on table ctgitops.traffic is 'Samples of the load, one for each `ctgitops traffic`. Rows are only ever added.';
comment on column ctgitops.traffic.id is 'Order of the rows.';
comment on column ctgitops.traffic.at is 'When the statistics were read.';
comment on column ctgitops.traffic.figures is 'Cumulative transactions, lock waits, replica lag, and rows read and written in the busiest tables.';
comment on column ctgitops.traffic.tool_version is 'Version of ctgitops.';

create index traffic_at on ctgitops.traffic (at);

create trigger refuse_change before update or delete or truncate on ctgitops.performance
    for each statement execute function ctgitops.refuse_change();
alter table ctgitops.performance enable always trigger refuse_change;
create trigger refuse_change before update or delete or truncate on ctgitops.traffic
    for each statement execute function ctgitops.refuse_change();
alter table ctgitops.traffic enable always trigger refuse_change;

-- Default privileges of the database must not apply here; roles with access to the ledger get access here.
do $privileges$
declare
    grant_of record;
begin
    for grant_of in
        select distinct c.relname, a.grantee
        from pg_catalog.pg_class c, lateral pg_catalog.aclexplode(c.relacl) a
        where c.oid in ('ctgitops.performance'::regclass, 'ctgitops.traffic'::regclass,
                        pg_catalog.pg_get_serial_sequence('ctgitops.performance', 'id')::regclass,
                        pg_catalog.pg_get_serial_sequence('ctgitops.traffic', 'id')::regclass)
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
        execute pg_catalog.format('grant %s on ctgitops.performance, ctgitops.traffic to %s', grant_of.privilege, grant_of.grantee);
    end loop;
end
$privileges$;

insert into ctgitops.format (version) values (4);

-- Supabase CLI
create schema supabase_migrations;
create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations values ('20240101000000', '{}', 'a'), ('20240102000000', null, 'b');

-- golang-migrate
create table schema_migrations (version bigint not null primary key, dirty boolean not null);
insert into schema_migrations values (2, false);

-- dbmate
create table schema_migrations (version varchar(128) primary key);
insert into schema_migrations values ('20240101000000'), ('20240102000000');

-- goose
create table goose_db_version (id serial primary key, version_id bigint not null, is_applied boolean not null, tstamp timestamp default now());
insert into goose_db_version (version_id, is_applied) values (0, true), (1, true), (2, true), (3, true), (3, false);

-- Flyway
create table flyway_schema_history (installed_rank int primary key, version varchar(50), description varchar(200), type varchar(20), script varchar(1000), checksum int, installed_by varchar(100), installed_on timestamp default now(), execution_time int, success boolean);
insert into flyway_schema_history values (1, '1', 'a', 'SQL', 'V1__a.sql', 1, 'anna', '2024-01-01', 1, true), (2, null, 'r', 'SQL', 'R__r.sql', 1, 'anna', '2024-01-01', 1, true), (3, '2', 'b', 'SQL', 'V2__b.sql', 1, 'anna', '2024-01-01', 1, true), (4, '3', 'c', 'SQL', 'V3__c.sql', 1, 'anna', '2024-01-01', 1, true), (5, '3', 'c', 'UNDO_SQL', 'U3__c.sql', 1, 'anna', '2024-01-01', 1, true);

-- sqlx
create table _sqlx_migrations (version bigint primary key, description text, installed_on timestamptz default now(), success boolean, checksum bytea, execution_time bigint);
insert into _sqlx_migrations values (1, 'a', now(), true, '', 1), (2, 'b', now(), true, '', 1);

-- Diesel
create table __diesel_schema_migrations (version varchar(50) primary key, run_on timestamp default now());
insert into __diesel_schema_migrations values ('20240101000000'), ('20240102000000');

-- Prisma Migrate
create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64), finished_at timestamptz, migration_name varchar(255), logs text, rolled_back_at timestamptz, started_at timestamptz default now(), applied_steps_count int default 0);
insert into _prisma_migrations (id, finished_at, migration_name, rolled_back_at) values ('a', now(), '1_a', null), ('b', null, '2_b', now()), ('c', now(), '2_b', null);

-- Drizzle Kit
create schema drizzle;
create table drizzle.__drizzle_migrations (id serial primary key, hash text, created_at bigint);
insert into drizzle.__drizzle_migrations (hash, created_at) values ('aa', 1), ('bb', 2);

-- refinery
create table refinery_schema_history (version int4 primary key, name varchar(255), applied_on varchar(255), checksum varchar(255));
insert into refinery_schema_history values (1, 'a', 'x', '1'), (2, 'b', 'x', '2');

-- node-pg-migrate
create table pgmigrations (id serial primary key, name varchar(255), run_on timestamp);
insert into pgmigrations (name, run_on) values ('1_a', now()), ('2_b', now());

-- graphile-migrate
create schema graphile_migrate;
create table graphile_migrate.migrations (hash text primary key, previous_hash text, filename text, date timestamptz default now());
insert into graphile_migrate.migrations values ('x', null, '000001.sql'), ('y', 'x', '000002-b.sql');

-- Atlas
create schema atlas_schema_revisions;
create table atlas_schema_revisions.atlas_schema_revisions (version varchar primary key, description varchar, type bigint, applied bigint, total bigint, executed_at timestamptz, execution_time bigint, error text, hash varchar, operator_version varchar);
insert into atlas_schema_revisions.atlas_schema_revisions values ('.atlas_cloud_identifier', '', 2, 0, 0, now(), 0, '', '', ''), ('1', 'a', 2, 1, 1, now(), 0, '', 'h', ''), ('2', 'b', 2, 1, 1, now(), 0, null, 'h', '');

-- Sqitch
create schema sqitch;
create table sqitch.changes (change_id text primary key, script_hash text, change text, project text, note text, committed_at timestamptz default now(), committer_name text, committer_email text, planned_at timestamptz, planner_name text, planner_email text);
insert into sqitch.changes (change_id, change, project, committed_at, committer_name) values ('1', 'a', 'p', '2024-01-01', 'Anna'), ('2', 'b', 'p', '2024-01-02', 'Ben');

-- Liquibase
create table databasechangelog (id varchar(255) not null, author varchar(255) not null, filename varchar(255) not null, dateexecuted timestamp not null, orderexecuted int not null, exectype varchar(10) not null, md5sum varchar(35), description varchar(255), comments varchar(255), tag varchar(255), liquibase varchar(20), contexts varchar(255), labels varchar(255), deployment_id varchar(10));
insert into databasechangelog values ('1', 'Anna', 'a.sql', now(), 1, 'EXECUTED', '9:x'), ('2', 'Ben', 'a.sql', now(), 2, 'RERAN', '9:y');

-- tern
create table schema_version (version int4 not null);
insert into schema_version values (2);

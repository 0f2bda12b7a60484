"""Roles as managed PostgreSQL services set them up, from their documentation and public sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Provider:
    """One service: its bootstrap superuser, what it runs after initdb, and what a customer gets."""

    superuser: str
    role: str
    """The role that a customer applies migrations as."""
    database: str
    setup: str
    lost: tuple[str, ...] = ()
    """What a sandbox cannot have of it, each a part of a note."""


SUPABASE = """
create role postgres login createdb createrole replication bypassrls;
create role supabase_replication_admin login replication;
create role supabase_read_only_user login bypassrls;
grant pg_read_all_data to supabase_read_only_user;
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role, supabase_admin to authenticator;
create role supabase_auth_admin login noinherit createrole;
create role supabase_storage_admin login noinherit createrole;
create role dashboard_user nologin createdb createrole replication;
create role pgbouncer login;
create role supabase_superuser;
grant supabase_superuser to postgres;
grant anon, authenticated, service_role to postgres with admin option;
grant pg_monitor, pg_signal_backend, pg_read_all_data to postgres;
grant authenticator, dashboard_user to postgres;
alter database postgres owner to postgres;
grant create on database postgres to supabase_auth_admin;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_admin set search_path = public, extensions;
alter role anon set statement_timeout = '3s';
alter role authenticator set "app.jwt" = 'top secret';
alter database postgres set "app.settings.jwt_secret" = 'top secret';
create schema extensions;
create schema auth authorization supabase_auth_admin;
grant usage on schema public, extensions to postgres, anon, authenticated, service_role;
grant create on schema public to postgres;
alter default privileges in schema public grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;
create function extensions.watch() returns event_trigger language plpgsql as 'begin end';
create event trigger watch on ddl_command_end execute function extensions.watch();
"""
RDS = """
create role rds_superuser;
create role rds_replication;
create role rds_password;
create role rds_iam;
create role rds_ad;
create role rdsrepladmin replication;
create role rdstopmgr login;
create role postgres login createdb createrole valid until 'infinity';
grant rds_superuser to postgres;
grant pg_monitor, pg_signal_backend, rds_replication, rds_password to rds_superuser with admin option;
grant pg_monitor to rdstopmgr;
create role app login valid until '2001-01-01' connection limit 0;
grant rds_iam to app;
grant app to postgres;
create database orders owner postgres;
"""
CLOUD_SQL = """
create role cloudsqlsuperuser createdb createrole;
create role cloudsqlagent login;
create role cloudsqlimportexport login;
create role cloudsqlreplica login replication;
create role cloudsqliamuser;
create role cloudsqliamserviceaccount;
create role cloudsqliamgroup;
create role postgres login createdb createrole;
grant cloudsqlsuperuser to postgres;
grant pg_monitor, pg_signal_backend to cloudsqlsuperuser;
grant pg_read_all_data, pg_write_all_data to cloudsqlsuperuser;
create role "somebody@example.com" login;
grant cloudsqliamuser to "somebody@example.com";
alter database postgres owner to cloudsqlsuperuser;
create database "Orders & more" owner cloudsqlsuperuser;
"""
AZURE = """
create role azure_pg_admin;
create role replication replication;
create role psqladmin login createdb createrole replication bypassrls;
grant azure_pg_admin to psqladmin with admin option;
grant pg_read_all_settings, pg_read_all_stats, pg_stat_scan_tables, pg_monitor, pg_signal_backend to azure_pg_admin;
grant pg_read_all_data, pg_write_all_data to azure_pg_admin;
grant azuresu to azure_pg_admin;
alter database postgres owner to azure_pg_admin;
create database app owner psqladmin;
"""
AIVEN = """
create role avnadmin login createdb createrole replication bypassrls;
create role aiven_extras_reader;
create role "metrics_user_telegraf" login;
grant pg_monitor to metrics_user_telegraf;
grant pg_monitor, pg_read_all_stats, pg_signal_backend to avnadmin;
alter role avnadmin set search_path = "$user", public;
create schema aiven_extras;
create function aiven_extras.pg_list_all() returns int language sql security definer as 'select 1';
create database defaultdb owner avnadmin;
"""
CRUNCHY = """
create role crunchy_superuser superuser createdb createrole;
create role application login;
create role ccp_monitoring login;
create role crunchy_replication login replication;
create role _crunchypgbouncer login;
grant pg_monitor, pg_execute_server_program to ccp_monitoring;
grant postgres to application;
grant crunchy_superuser to application;
create database app owner application;
"""
PROVIDERS = {
    "supabase": Provider("supabase_admin", "postgres", "postgres", SUPABASE),
    "rds": Provider("rdsadmin", "postgres", "orders", RDS),
    "cloud sql": Provider("cloudsqladmin", "postgres", "Orders & more", CLOUD_SQL),
    "azure": Provider("azuresu", "psqladmin", "app", AZURE),
    "aiven": Provider("postgres", "avnadmin", "defaultdb", AIVEN),
    "crunchy": Provider("postgres", "application", "app", CRUNCHY, ("ccp_monitoring in pg_execute_server_program",)),
    "a member of the superuser that applies": Provider(
        "postgres", "postgres", "postgres", "create role app; grant postgres to app", ("app in postgres",)
    ),
}

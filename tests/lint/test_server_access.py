"""Statements that act outside of the database. PostgreSQL refuses each to a role without rights on the server."""

from __future__ import annotations

import psycopg
import pytest

from tests.lint.examples import linted, rules_found
from tests.servers import run, session

REFUSED = [
    ("copy customers from program 'true'", "program"),
    ("copy customers to program 'cat'", "program"),
    ("copy (select 1) to program 'cat'", "program"),
    ("copy customers from '/etc/passwd'", "files"),
    ("copy customers to '/tmp/customers'", "files"),
    ("do $$ begin execute 'copy customers from program ''true'''; end $$", "program"),
    ("select pg_read_file('/etc/passwd')", "files"),
    ("do $$ begin perform pg_read_binary_file('/etc/passwd'); end $$", "files"),
    ("insert into customers select 1, x from pg_ls_dir('/etc') x", "files"),
    ("select lo_export(1, '/tmp/x')", "files"),
    ("select lo_import('/etc/passwd')", "files"),
    ("load 'auto_explain'", "code"),
    ("create function f() returns int language c as 'x', 'y'", "code"),
    ("create function f() returns int language internal as 'int4um'", "code"),
    ("alter role current_user set session_preload_libraries = 'auto_explain'", "code"),
    ("grant pg_execute_server_program to current_user", "program"),
]
"""PostgreSQL 15 itself has all that these need."""
OTHERS = [
    ("alter system set archive_command = 'true'", "program"),
    ("create extension plpython3u", "code"),
    ("create language plperlu", "code"),
    ("create extension if not exists dblink", "connects"),
    ("create function f() returns int language plpython3u as 'import os'", "code"),
    ("do language plpython3u 'import os'", "code"),
    ("select dblink_exec('host=elsewhere', 'drop table t')", "connects"),
    ("select net.http_post('https://example.com')", "connects"),
    ("create server other foreign data wrapper postgres_fdw options (host 'x')", "connects"),
    ("create server other foreign data wrapper file_fdw", "files"),
    ("create foreign table f (a text) server s options (program 'true')", "program"),
    ("create subscription s connection 'host=elsewhere' publication p", "connects"),
    ("create function f() returns void language sql as 'copy customers to program ''cat'''", "program"),
    ("create function f() returns void language plpgsql as 'begin perform pg_read_file(''x''); end'", "files"),
]
HARMLESS = [
    "copy customers from stdin", "copy customers to stdout", "select http_status from customers", "select lower('a')",
    "create extension postgis", "create extension pg_trgm", "alter system set work_mem = '8MB'",
    "create function f() returns int language plpgsql as 'begin return 1; end'", "set role app",
    "create foreign table f (a text) server s options (table_name 'a')", "grant app to current_user",
    "revoke pg_execute_server_program from app",
]  # fmt: skip


@pytest.mark.parametrize(("text", "word"), REFUSED + OTHERS)
def test_what_acts_outside_of_the_database_is_found(text: str, word: str) -> None:
    (finding,) = (each for each in linted(f"{text};") if each.rule == "server-access")
    assert word in finding.what
    assert ("whenever the function is called" in finding.what) is ("void language" in text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_stays_inside_is_not(text: str) -> None:
    assert "server-access" not in rules_found(f"{text};")


@pytest.mark.parametrize("text", [text for text, _ in REFUSED])
def test_postgresql_refuses_it_to_a_role_without_rights_on_the_server(text: str, database_url: str) -> None:
    run(database_url, "create table customers (id bigint, name text); grant all on customers to public;")
    with session(database_url) as connection:
        connection.execute("begin; create role powerless; set local role powerless")
        with pytest.raises(
            (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedObject),
            match=r"denied|must|superuser|only|not allowed",
        ):
            connection.execute(text.encode())

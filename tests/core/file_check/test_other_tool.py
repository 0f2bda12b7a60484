"""Files of other migration tools are refused by the tool's name, and prose that resembles a mark is not."""

from __future__ import annotations

import pytest

from ctgitops.core.workspace.workspace import script_problems
from ctgitops.sql.script import Script

BOTH = "{up}\ncreate table t ();\n{down}\ndrop table t;\n"


@pytest.mark.parametrize(
    ("tool", "line", "sql"),
    [
        ("goose", 1, BOTH.format(up="-- +goose Up", down="-- +goose Down")),
        ("goose", 1, "-- +goose up\n-- +goose statementbegin\nselect 1;\n-- +goose statementend"),
        ("goose", 2, "select 1;\n--+goose NO TRANSACTION\n"),
        ("sql-migrate", 1, BOTH.format(up="-- +migrate Up notransaction", down="-- +migrate Down")),
        ("micrate", 1, BOTH.format(up="-- +micrate Up", down="-- +micrate Down")),
        ("tern", 3, BOTH.format(up="-- x", down="---- create above / drop below ----")),
        ("tern", 1, "---- tern: disable-tx ----\ncreate index concurrently i on t (a);"),
        ("Liquibase", 1, "--liquibase formatted sql\n--changeset anna:1\nselect 1;\n--rollback select 2;"),
        ("Liquibase", 1, "-- changeset anna:create-t runOnChange:true\nselect 1;"),
        ("sqitch", 1, "-- Deploy shop:users to pg\n-- requires: app\n\nBEGIN;\nselect 1;\nCOMMIT;"),
        ("sqitch", 1, "-- Revert shop:users from pg\n\nBEGIN;\nselect 1;\nCOMMIT;"),
        ("sqitch", 1, "-- Verify users on pg\n\nselect 1;"),
        ("node-pg-migrate", 1, BOTH.format(up="-- Up Migration", down="-- Down Migration")),
        ("node-pg-migrate", 1, BOTH.format(up="--- up migration: t", down="--- down migration")),
        ("node-sqlite", 1, BOTH.format(up="-- Up", down="-- Down")),
        ("node-sqlite", 1, BOTH.format(up="---- UP ----", down="---- DOWN ----")),
        ("node-sqlite", 1, BOTH.format(up="-- @up", down="-- @down")),
        ("node-sqlite", 1, BOTH.format(up="-- Migration: up", down="-- Migration: down")),
        ("ptah", 1, BOTH.format(up="-- +ptah Up", down="-- +ptah Down")),
        ("MyBatis", 3, BOTH.format(up="-- t", down="--@UNDO")),
        ("graphile-migrate", 1, "--! Previous: sha1:0\n--! Hash: sha1:1\n--! Message: words\n\nselect 1;"),
        ("MyBatis", 3, BOTH.format(up="-- // t", down="-- //@UNDO")),
        ("dbdeploy", 3, BOTH.format(up="-- t", down="--//@UNDO")),
        ("rambler", 1, BOTH.format(up="-- rambler up", down="-- rambler down")),
        ("shmig", 1, BOTH.format(up="-- ==== UP ====", down="-- ==== DOWN ====")),
        ("Mojo::Pg", 1, BOTH.format(up="-- 1 up", down="-- 1 down")),
        ("Play evolutions", 1, BOTH.format(up="# --- !Ups", down="# --- !Downs")),
        ("Play evolutions", 1, BOTH.format(up="-- !Ups", down="-- !Downs")),
        ("postgres-migrations", 1, "-- postgres-migrations disable-transaction\nselect 1;"),
        ("sqlx", 1, "-- no-transaction\ncreate index concurrently i on t (a);"),
        ("Atlas", 1, "-- atlas:txmode none\n\nselect 1;"),
        ("yoyo", 3, "--\n-- file: migrations/2.sql\n-- depends: 0001_a 0002.b\nselect 1;"),
        ("Evolve", 1, "-- evolve-tx-off\ncreate index concurrently i on t (a);"),
        ("Flyway", 1, "insert into t values ('${flyway:user}');"),
    ],
)
def test_a_file_with_marks_is_refused_by_the_name_of_the_tool(tool: str, line: int, sql: str) -> None:
    (problem,) = script_problems(Script(sql, "migrations/001_t.sql"))
    assert problem.code == "other-tool"
    assert problem.blocks
    assert tool in problem.what
    assert problem.place
    assert problem.place.line == line
    assert problem.hint


@pytest.mark.parametrize(
    "sql",
    [
        "-- we left goose: `-- +goose Down` was its mark\nselect 1;",
        "insert into docs values ('\n-- +goose Down\n');",
        "do $$\nbegin\n-- +goose Down\nnull; end $$;",
        "/*\n---- create above / drop below ----\n--liquibase formatted sql\n*/ select 1;",
        "-- Up migration: adds a column\nselect 1;",
        "-- up\nselect 1;",
        "-- ups and downs\nselect 1;\n-- break down\nselect 2;",
        "-- +1 for this, and up\nselect 1;",
        "-- Down migration for the shop\ndrop table t;",
        "-- Deploy this to production first\nselect 1;",
        "-- Verify that all is on pg 17\nselect 1;",
        "-- Rollback: Not Available\nselect 1;",
        "-- changeset of today: none\nselect 1;",
        "-- depends: on what the users do\nselect 1;",
        "select 1; -- no-transaction",
        "-- it has no ${flyway:user}\nselect '${user}';",
        "create table t ();\n--> statement-breakpoint\nselect 1;",
        "-- CreateTable\ncreate table t ();",
        "-- atlas:nolint\nselect 1;",
        "-- migrate:up\nselect 1;",
    ],
)
def test_what_only_resembles_a_mark_or_changes_nothing_is_no_problem(sql: str) -> None:
    assert script_problems(Script(sql, "migrations/001_t.sql")) == ()


def test_the_next_step_works() -> None:
    sql = BOTH.format(up="-- +goose Up", down="-- +goose Down")
    (problem,) = script_problems(Script(sql, "migrations/001_t.up.sql"))
    assert problem.hint == (
        "move the SQL below line 3, `-- +goose Down`, into migrations/001_t.down.sql, and delete the goose directives"
    )
    up, down = (part.split("\n", 1)[1] for part in sql.split("-- +goose")[1:])
    assert script_problems(Script(up, "migrations/001_t.up.sql")) == ()
    assert script_problems(Script(down, "migrations/001_t.down.sql")) == ()


def test_where_there_is_no_rollback_file_one_direction_is_kept() -> None:
    sql = BOTH.format(up="-- +goose Up", down="-- +goose Down")
    for path in ("seeds/staging/001_t.sql", "migrations/001_t.down.sql"):
        (problem,) = script_problems(Script(sql, path))
        assert problem.hint.startswith("keep the SQL of one direction: remove the SQL below line 3")

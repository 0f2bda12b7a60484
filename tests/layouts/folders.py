"""One small folder of each tool, written after the shapes of public repositories."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from ctgitops.core.environment.layout import LayoutName

UP, DOWN = "create table a (id int primary key);\n", "drop table a;\n"


@dataclass(frozen=True)
class Expected:
    """What ctgitops must read: the names, those with a rollback, and those that run outside a transaction."""

    names: tuple[str, ...]
    rollbacks: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    repeatable: tuple[str, ...] = ()


def atlas_sum(files: dict[str, str]) -> str:
    """The text of `atlas.sum` for files, as Atlas computes it."""
    running, lines = hashlib.sha256(), []
    for name in sorted(files):
        running.update(name.encode() + files[name].encode())
        lines.append(f"{name} h1:{base64.b64encode(running.digest()).decode()}")
    total = hashlib.sha256("".join(line.replace(" ", "") for line in lines).encode())
    return "\n".join([f"h1:{base64.b64encode(total.digest()).decode()}", *lines, ""])


def graphile(body: str, previous: str = "-", header: str = "") -> str:
    """A committed file of graphile-migrate with its hash."""
    said = "" if previous == "-" else previous
    digest = hashlib.sha1(f"{said}\n{body}".strip().encode() + b"\n", usedforsecurity=False).hexdigest()
    return f"--! Previous: {previous}\n--! Hash: sha1:{digest}\n{header}\n{body.strip()}\n"


_ATLAS = {
    "20240101000000_init.sql": UP,
    "20240102000000.sql": "-- atlas:txmode none\n\ncreate index concurrently i on a (id);\n",
}
FOLDERS: dict[LayoutName, tuple[dict[str, str], Expected]] = {
    LayoutName.SUPABASE: (
        {"20240101000000_init.sql": UP, "20240102000000_.sql": "select 1;", "README.md": "x"},
        Expected(("20240101000000_init", "20240102000000_migration")),
    ),
    LayoutName.DBMATE: (
        {
            "20240101000000_init.sql": f"-- migrate:up\n{UP}\n-- migrate:down\n{DOWN}",
            "20240102000000_index.sql": "-- migrate:up transaction:false\ncreate index concurrently i on a (id);\n\n"
            "-- migrate:down\n",
        },
        Expected(("20240101000000_init", "20240102000000_index"), ("20240101000000_init",), ("20240102000000_index",)),
    ),
    LayoutName.GOLANG_MIGRATE: (
        {"000001_init.up.sql": UP, "000001_init.down.sql": DOWN, "000002_b.up.sql": "BEGIN;\nselect 1;\nCOMMIT;\n"},
        Expected(("000001_init", "000002_b"), ("000001_init",)),
    ),
    LayoutName.GOOSE: (
        {
            "00001_init.sql": f"-- +goose Up\n-- +goose StatementBegin\n{UP}-- +goose StatementEnd\n"
            f"\n-- +goose Down\n{DOWN}",
            "00002_index.sql": "-- +goose NO TRANSACTION\n-- +goose Up\ncreate index concurrently i on a (id);\n"
            "-- +goose Down\ndrop index concurrently i;\n",
            "00003_empty_down.sql": "-- +goose up\nselect 1;\n-- +goose down\n",
        },
        Expected(("00001_init", "00002_index", "00003_empty_down"), ("00001_init", "00002_index"), ("00002_index",)),
    ),
    LayoutName.TERN: (
        {
            "001_init.sql": f"{UP}\n---- create above / drop below ----\n\n{DOWN}",
            "002_index.sql": "---- tern: disable-tx ----\ncreate index concurrently i on a (id);\n"
            "---- create above / drop below ----\ndrop index concurrently i;\n",
        },
        Expected(("001_init", "002_index"), ("001_init", "002_index"), ("002_index",)),
    ),
    LayoutName.SQLX: (
        {
            "20240101000000_init.up.sql": UP,
            "20240101000000_init.down.sql": DOWN,
            "20240102000000_index.sql": "-- no-transaction\ncreate index concurrently i on a (id);\n",
        },
        Expected(("20240101000000_init", "20240102000000_index"), ("20240101000000_init",), ("20240102000000_index",)),
    ),
    LayoutName.DIESEL: (
        {
            "00000000000000_diesel_initial_setup/up.sql": "create function f() returns int language sql as 'select 1';",
            "00000000000000_diesel_initial_setup/down.sql": "drop function f();",
            "2024-01-02-030405_add_a/up.sql": UP,
            "2024-01-02-030405_add_a/down.sql": DOWN,
            "2024-01-03-030405_index/up.sql": "create index concurrently i on a (id);",
            "2024-01-03-030405_index/down.sql": "drop index concurrently i;",
            "2024-01-03-030405_index/metadata.toml": "run_in_transaction = false\n",
            ".keep": "",
        },
        Expected(
            ("00000000000000_diesel_initial_setup", "20240102030405_add_a", "20240103030405_index"),
            ("00000000000000_diesel_initial_setup", "20240102030405_add_a", "20240103030405_index"),
            ("20240103030405_index",),
        ),
    ),
    LayoutName.PRISMA: (
        {
            "migration_lock.toml": 'provider = "postgresql"\n',
            "20240101000000_init/migration.sql": f"-- CreateTable\n{UP}",
            "20240102000000_b/migration.sql": "-- AlterTable\nalter table a add b text;\n",
        },
        Expected(("20240101000000_init", "20240102000000_b")),
    ),
    LayoutName.DRIZZLE: (
        {
            "0000_init.sql": f"{UP}--> statement-breakpoint\ncreate table b (id int);",
            "0001_silent_hulk.sql": "alter table b add c text;",
            "meta/_journal.json": '{"version": "7", "dialect": "postgresql", "entries": ['
            '{"idx": 0, "version": "7", "when": 1, "tag": "0000_init", "breakpoints": true},'
            '{"idx": 1, "version": "7", "when": 2, "tag": "0001_silent_hulk", "breakpoints": true}]}',
            "meta/0000_snapshot.json": "{}",
        },
        Expected(("0000_init", "0001_silent_hulk")),
    ),
    LayoutName.HASURA: (
        {
            "1704110400000_init/up.sql": UP,
            "1704110400000_init/down.sql": DOWN,
            "1704110500000_b/up.sql": "SET check_function_bodies = false;\nselect 1;",
        },
        Expected(("1704110400000_init", "1704110500000_b"), ("1704110400000_init",)),
    ),
    LayoutName.REFINERY: (
        {"V1__init.sql": UP, "U2__later.sql": "alter table a add b int;", "V10__c.sql": "alter table a add c int;"},
        Expected(("1_init", "2_later", "10_c")),
    ),
    LayoutName.NODE_PG_MIGRATE: (
        {
            "1704110400000_init.sql": f"-- Up Migration\n{UP}\n-- Down Migration\n{DOWN}",
            "1704110500000_second.sql": "alter table a add b int;",
        },
        Expected(("1704110400000_init", "1704110500000_second"), ("1704110400000_init",)),
    ),
    LayoutName.GRAPHILE_MIGRATE: (
        {
            "committed/000001.sql": (first := graphile(UP)),
            "committed/000002-index.sql": graphile(
                "--! no-transaction\ncreate index concurrently i on a (id);",
                first.split("Hash: ")[1].partition("\n")[0],
                "--! Message: index\n",
            ),
            "current.sql": "-- Enter migration here\n",
        },
        Expected(("000001_migration", "000002_index"), (), ("000002_index",)),
    ),
    LayoutName.ATLAS: (
        {**_ATLAS, "atlas.sum": atlas_sum(_ATLAS)},
        Expected(("20240101000000_init", "20240102000000_migration"), (), ("20240102000000_migration",)),
    ),
    LayoutName.SQITCH: (
        {
            "sqitch.plan": "%syntax-version=1.0.0\n%project=x\n%uri=https://example.com/x\n\n"
            "appschema 2024-01-01T00:00:00Z A B <a@b.c> # Add schema\n"
            "users [appschema] 2024-01-02T00:00:00Z A B <a@b.c> # Users\n"
            "@v1.0 2024-01-03T00:00:00Z A B <a@b.c> # Tag\n"
            "\nusers [users@v1.0] 2024-01-04T00:00:00Z A B <a@b.c> # Rework\n",
            "sqitch.conf": "[core]\n\tengine = pg\n",
            "deploy/appschema.sql": "-- Deploy x:appschema to pg\n\nBEGIN;\n\ncreate schema app;\n\nCOMMIT;\n",
            "revert/appschema.sql": "-- Revert x:appschema from pg\n\nBEGIN;\n\ndrop schema app;\n\nCOMMIT;\n",
            "verify/appschema.sql": "-- Verify x:appschema on pg\n\nBEGIN;\nselect 1/0;\nROLLBACK;\n",
            "deploy/users@v1.0.sql": "BEGIN;\ncreate table app.users (id int);\nCOMMIT;\n",
            "deploy/users.sql": "BEGIN;\nalter table app.users add name text;\nCOMMIT;\n",
        },
        Expected(("001_appschema", "002_users", "003_users"), ("001_appschema",)),
    ),
    LayoutName.LIQUIBASE_SQL: (
        {
            "db.changelog-master.yaml": "databaseChangeLog:\n  - include:\n      file: users.sql\n"
            "      relativeToChangelogFile: true\n  - includeAll:\n      path: changes/\n"
            "      relativeToChangelogFile: true\n",
            "users.sql": f"--liquibase formatted sql\n\n--changeset anna:1\n--comment first\n{UP}"
            f"--rollback {DOWN}\n--changeset anna:2 dbms:oracle\nselect 1 from dual;\n",
            "changes/index.sql": "-- liquibase formatted sql\n-- changeset bob:add-index runInTransaction:false\n"
            "create index concurrently i on a (id);\n\n--changeset bob:f endDelimiter:@@\n"
            "create function f() returns int language sql as 'select 1;'@@\n"
            "/* liquibase rollback\ndrop function f();\n*/\n",
        },
        Expected(("001_1", "002_add-index", "003_f"), ("001_1", "003_f"), ("002_add-index",)),
    ),
    LayoutName.FLYWAY: (
        {
            "V1__init.sql": UP,
            "U1__init.sql": DOWN,
            "sub/V2__second.sql": "create index concurrently i on a (id);",
            "sub/V2__second.sql.conf": "executeInTransaction=false\n",
            "R__b_view.sql": "create or replace view v as select 1;",
            "R__a_function.sql": "create or replace function f() returns int language sql as 'select 1';",
        },
        Expected(("1_init", "2_second"), ("1_init",), ("2_second",), ("R__a_function.sql", "R__b_view.sql")),
    ),
}

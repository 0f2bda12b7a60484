"""`ctgitops init` finds the migrations of each tool, and says what it cannot read."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from ctgitops.cli.main import ctgitops
from ctgitops.core.environment.layout import LayoutName
from ctgitops.core.workspace.workspace import problems_of, sql_problems_of
from ctgitops.errors import CtgitopsError
from ctgitops.files.workspace import read_workspace
from tests.files.checkout import Checkout

from .folders import FOLDERS, UP


@dataclass
class Done:
    status: int
    said: str
    complained: str


def run(root: Path, *arguments: str) -> Done:
    """Runs ctgitops in a folder, in this process."""
    with contextlib.chdir(root):
        done = CliRunner().invoke(ctgitops, list(arguments), standalone_mode=False)
    if isinstance(done.exception, CtgitopsError):
        return Done(done.exception.exit_status, done.stdout, f"{done.exception.what} {done.exception.hint}")
    assert done.exception is None, done.exception
    return Done(int(done.return_value or 0), done.stdout, done.stderr)


PLACES = {
    LayoutName.SUPABASE: "supabase/migrations",
    LayoutName.DBMATE: "db/migrations",
    LayoutName.GOLANG_MIGRATE: "internal/store/migrations",
    LayoutName.GOOSE: "sql/schema",
    LayoutName.TERN: "migrations",
    LayoutName.SQLX: "crates/api/migrations",
    LayoutName.DIESEL: "migrations",
    LayoutName.PRISMA: "packages/db/prisma/migrations",
    LayoutName.DRIZZLE: "apps/web/drizzle",
    LayoutName.HASURA: "hasura/migrations/default",
    LayoutName.REFINERY: "migrations",
    LayoutName.NODE_PG_MIGRATE: "migrations",
    LayoutName.GRAPHILE_MIGRATE: "migrations",
    LayoutName.ATLAS: "ent/migrate/migrations",
    LayoutName.SQITCH: "db",
    LayoutName.FLYWAY: "src/main/resources/db/migration",
}
BESIDE = {
    LayoutName.SQLX: ("crates/api/Cargo.toml", '[dependencies]\nsqlx = "0.8"\n'),
    LayoutName.REFINERY: ("Cargo.toml", '[dependencies]\nrefinery = "0.8"\n'),
}


def put(root: Path, layout: LayoutName, place: str = "") -> str:
    """Writes a tool's folder where its users have it. Returns the folder."""
    folder = place or PLACES[layout]
    for path, text in FOLDERS[layout][0].items():
        Checkout(root).write(f"{folder}/{path}", text)
    if layout in BESIDE:
        Checkout(root).write(*BESIDE[layout])
    Checkout(root).write("README.md", "x")
    Checkout(root).write("node_modules/other/migrations/001_x.sql", UP)
    return folder


@pytest.mark.parametrize("layout", PLACES)
def test_init_finds_the_folder_and_check_accepts_it(layout: LayoutName, tmp_path: Path) -> None:
    folder = put(tmp_path, layout)
    done = run(tmp_path, "init")
    assert (done.status, done.complained) == (0, ""), done.said
    expected = FOLDERS[layout][1].names
    assert f"found {folder}/: {len(expected)} migration" in done.said
    workspace = read_workspace(tmp_path)
    assert (workspace.policy.layout.name, workspace.policy.layout.folder) == (layout, folder)
    assert tuple(m.name for m in workspace.migrations) == expected
    assert workspace.policy.lint_after == workspace.migrations[-1].number
    assert [p for p in (*problems_of(workspace), *sql_problems_of(workspace)) if p.blocks] == []
    assert run(tmp_path, "init").said.splitlines()[-1] == "nothing to do: all files exist"


def test_a_plan_of_sqitch_in_the_root_is_found_and_read(tmp_path: Path) -> None:
    for path, text in FOLDERS[LayoutName.SQITCH][0].items():
        Checkout(tmp_path).write(path, text)
    done = run(tmp_path, "init")
    assert (done.status, "found the root: 3 migrations of Sqitch" in done.said) == (0, True), done.said
    workspace = read_workspace(tmp_path)
    assert [m.path for m in workspace.migrations] == [
        "deploy/appschema.sql",
        "deploy/users@v1.0.sql",
        "deploy/users.sql",
    ]
    assert [p for p in problems_of(workspace) if p.blocks] == []


def test_init_asks_which_of_several_and_the_command_that_it_prints_works(tmp_path: Path) -> None:
    put(tmp_path, LayoutName.GOOSE, "services/orders/db/migrations")
    put(tmp_path, LayoutName.PRISMA, "services/users/prisma/migrations")
    done = run(tmp_path, "init")
    assert done.status == 1
    assert "found migrations in several places" in done.said
    assert "ctgitops init --root services/orders --migrations db/migrations" in done.said
    assert not (tmp_path / "migrations").exists()
    done = run(tmp_path, "init", "--migrations", "services/orders/db/migrations")
    assert done.status == 0
    assert read_workspace(tmp_path).policy.layout.name is LayoutName.GOOSE


@pytest.mark.parametrize(
    ("path", "tool"),
    [
        ("alembic/versions/1234_x.py", "Alembic"),
        ("app/migrations/0001_initial.py", "Django"),
        ("db/migrate/20240101000000_x.rb", "Rails"),
        ("db/changelog/db.changelog-master.yaml", "Liquibase"),
        ("src/migrations/1704110400000-x.ts", "TypeORM"),
    ],
)
def test_init_names_what_it_cannot_read_and_ends_with_1(path: str, tool: str, tmp_path: Path) -> None:
    Checkout(tmp_path).write(path, "x")
    done = run(tmp_path, "init")
    assert done.status == 1
    assert tool in done.said
    assert path in done.said
    assert "nothing was written" in done.said
    assert not (tmp_path / "environments").exists()


@pytest.mark.parametrize(
    "path", ["docker/initdb/01_init.sql", "tests/fixtures/migrations/001_x.sql", "mysql/migrations/001_x.sql"]
)
def test_files_that_may_be_something_else_are_not_chosen(path: str, tmp_path: Path) -> None:
    Checkout(tmp_path).write(path, UP)
    done = run(tmp_path, "init")
    assert (done.status, "found files that may be migrations" in done.said) == (1, True)
    assert run(tmp_path, "init", "--migrations", path.rpartition("/")[0]).status == 0


@pytest.mark.parametrize(
    ("files", "engine"),
    [
        ({"prisma/migrations/migration_lock.toml": 'provider = "sqlite"'}, "sqlite"),
        ({"prisma/migrations/meta/_journal.json": '{"dialect": "mysql", "entries": []}'}, "mysql"),
    ],
)
def test_migrations_for_another_database_are_named_and_not_chosen(
    files: dict[str, str], engine: str, tmp_path: Path
) -> None:
    for path, text in {"prisma/migrations/20240101000000_a/migration.sql": UP, **files}.items():
        Checkout(tmp_path).write(path, text)
    done = run(tmp_path, "init")
    assert (done.status, f"for {engine})" in done.said, "nothing was written" in done.said) == (1, True, True), (
        done.said
    )


def test_a_new_migration_has_the_names_of_the_tool(tmp_path: Path) -> None:
    put(tmp_path, LayoutName.GOOSE)
    run(tmp_path, "init")
    done = run(tmp_path, "new", "add photos")
    assert done.said == "wrote sql/schema/4_add_photos.sql\n"
    assert "-- +goose Up" in (tmp_path / "sql/schema/4_add_photos.sql").read_text()


def test_a_tool_with_a_list_of_its_own_creates_migrations_itself(tmp_path: Path) -> None:
    put(tmp_path, LayoutName.SQITCH)
    run(tmp_path, "init")
    done = run(tmp_path, "new", "add photos")
    assert (done.status, "`sqitch add`" in done.complained) == (2, True)

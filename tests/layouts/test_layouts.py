"""Each layout reads its tool's folder, and refuses what the tool would run and ctgitops cannot."""

from __future__ import annotations

import pytest

from ctgitops.core.environment.environment import Environment
from ctgitops.core.environment.layout import LayoutName
from ctgitops.core.problem import Problem
from ctgitops.core.workspace.workspace import Workspace, problems_of, sql_problems_of
from ctgitops.files.layout_reader import migrations_among
from ctgitops.files.workspace import read_workspace
from ctgitops.layouts.flyway import version_number
from ctgitops.layouts.registry import all_tools, tool_of
from tests.files.checkout import Checkout

from .folders import FOLDERS, atlas_sum, graphile

PLACE = "db/changes"


def read(repo: Checkout, layout: LayoutName, files: dict[str, str], more: str = "") -> Workspace:
    repo.write("migrations/policy.yaml", f"layout: {layout}\nmigrations: {PLACE}\n{more}")
    repo.write("environments/staging.yaml", "environment: staging\ndatabase: {url: '${STAGING_DATABASE_URL}'}\n")
    for path, text in files.items():
        repo.write(f"{PLACE}/{path}", text)
    return read_workspace(repo.root)


def problems(found: Workspace) -> list[Problem]:
    return [problem for problem in (*problems_of(found), *sql_problems_of(found)) if problem.blocks]


@pytest.mark.parametrize("layout", FOLDERS)
def test_a_folder_of_the_tool_is_read_without_a_problem(layout: LayoutName, repo: Checkout) -> None:
    files, expected = FOLDERS[layout]
    found = read(repo, layout, files)
    assert problems(found) == []
    assert tuple(m.name for m in found.migrations) == expected.names
    assert tuple(m.name for m in found.migrations if m.down) == expected.rollbacks
    assert tuple(m.name for m in found.migrations if not m.up.transactional) == expected.outside
    seeds = found.seeds_of(Environment("staging", "X"))
    assert tuple(seed.name.removeprefix(f"{PLACE}/") for seed in seeds) == expected.repeatable
    for migration in found.migrations:
        text = (repo.root / migration.path).read_text()
        for statement in migration.up.statements:  # the place of a statement is its place in the file
            place, first = migration.up.place(migration.up.start_of(statement)), migration.up.text_of(statement)
            assert text.split("\n")[(place.line or 0) - 1].startswith(first.partition("\n")[0].partition(";")[0])


def test_every_layout_has_a_folder_here() -> None:
    assert set(FOLDERS) == set(LayoutName) - {LayoutName.CTGITOPS}
    assert [tool.name for tool in all_tools()] == sorted(FOLDERS)


@pytest.mark.parametrize("layout", [n for n in FOLDERS if n not in {LayoutName.SQITCH, LayoutName.LIQUIBASE_SQL}])
def test_the_paths_of_another_commit_give_the_same_names(layout: LayoutName, repo: Checkout) -> None:
    files, expected = FOLDERS[layout]
    found = read(repo, layout, files)
    names = migrations_among(found.policy.layout, [f"{PLACE}/{path}" for path in files])
    assert {name.name for name in names.values()} == set(expected.names)
    assert set(names) == {m.path for m in found.migrations}


def _one(layout: LayoutName, path: str, text: str, said: str) -> object:
    return pytest.param(layout, {path: text}, said, id=f"{layout}: {said[:40]}")


GRAPHILE = graphile("select 1;")
LIQUIBASE = "--liquibase formatted sql\n--changeset anna:1"


@pytest.mark.parametrize(
    ("layout", "files", "said"),
    [
        _one(LayoutName.GOOSE, "00001_x.go", "package x", "is a migration of goose that is not SQL"),
        _one(LayoutName.GOOSE, "00001_x.sql", "select 1;", "goose requires its directive"),
        _one(LayoutName.GOOSE, "00001_x.sql", "select 1;\n-- +goose Up\nselect 2;", "does not run the SQL above"),
        _one(LayoutName.GOOSE, "00001_x.sql", "-- +goose ENVSUB ON\n-- +goose Up\nselect '${X}';", "ENVSUB ON"),
        _one(LayoutName.GOOSE, "00001_x.sql", "-- +goose Up\nselect 1;\n-- +goose Up\nselect 2;", "a second section"),
        _one(LayoutName.LIQUIBASE_SQL, "a.sql", f"{LIQUIBASE} runAlways:true\nselect 1;", "has runAlways"),
        _one(
            LayoutName.LIQUIBASE_SQL, "a.sql", f"{LIQUIBASE}\n--ignoreLines:1\nselect 1;", "`--ignoreLines:1` is a dir"
        ),
        _one(LayoutName.LIQUIBASE_SQL, "a.sql", f"{LIQUIBASE}\nselect '${{x}}';", "the parameter `${x}` of Liquibase"),
        _one(LayoutName.LIQUIBASE_SQL, "changelog.xml", '<changeSet id="1"/><include file="b.sql"/>', "are not SQL"),
        _one(LayoutName.LIQUIBASE_SQL, "changelog.xml", '<include file="b.sql"/>', "includes `b.sql`, which is not"),
        _one(LayoutName.TERN, "001_x.sql", 'select 1;\n{{ template "x.sql" . }}', "is a template of tern"),
        _one(LayoutName.TERN, "001_x.sql", "grant a to {{.app_user}};\n", "`{{.app_user}}` of tern has no value"),
        _one(LayoutName.NODE_PG_MIGRATE, "1_x.js", "exports.up = 1", "node-pg-migrate that is not SQL"),
        _one(LayoutName.NODE_PG_MIGRATE, "1704110500000-x.sql", "select 1;", "cannot determine its place"),
        _one(LayoutName.HASURA, "1_x/up.yaml", "- args", "Hasura CLI that is not SQL"),
        _one(LayoutName.FLYWAY, "V1__x.java", "class", "Flyway that is not SQL"),
        _one(LayoutName.FLYWAY, "V1__x.sql", "create schema ${name};", "of Flyway has no value"),
        _one(LayoutName.FLYWAY, "V1__x.sql", "select 'a ${name}';", "of Flyway has no value"),
        _one(LayoutName.FLYWAY, "R__x.sql", "select '${name}';", "of Flyway has no value"),
        _one(LayoutName.FLYWAY, "V1.2__x.sql", "select 1;", "does not fit into `version_parts: 1`"),
        _one(LayoutName.FLYWAY, "U1__x.sql", "select 1;", "the rollback of a version that does not exist"),
        _one(LayoutName.PRISMA, "init/migration.sql", "select 1;", "has no number"),
        _one(LayoutName.PRISMA, "migration_lock.toml", 'provider = "mysql"', "are for `mysql`"),
        _one(LayoutName.PRISMA, "migration_lock.toml", "provider = ", "is not valid TOML"),
        _one(LayoutName.DIESEL, "1_x/down.sql", "select 1;", "of this rollback file does not exist"),
        _one(LayoutName.DRIZZLE, "0000_x.sql", "select 1;", "the order of the files is unknown"),
        _one(LayoutName.DRIZZLE, "meta/_journal.json", '{"entries": [{"idx": 0}]}', "the journal cannot be read"),
        _one(LayoutName.DRIZZLE, "meta/_journal.json", '{"entries": [{"idx": 0, "tag": "0000_x"}]}', "does not exist"),
        _one(LayoutName.GRAPHILE_MIGRATE, "current.sql", "create table a ();", "contains SQL that is not committed"),
        _one(LayoutName.GRAPHILE_MIGRATE, "committed/000001.sql", GRAPHILE.replace("1;", "2;"), "its hash differs"),
        _one(
            LayoutName.GRAPHILE_MIGRATE,
            "committed/000001.sql",
            graphile("select ':DATABASE_NAME';"),
            "of graphile-migrate has no value",
        ),
        _one(LayoutName.ATLAS, "1_x.sql", "-- atlas:checkpoint\nselect 1;", "is a directive of Atlas"),
        _one(LayoutName.SQITCH, "deploy/x.sql", "select 1;", "`sqitch.plan` does not exist"),
        _one(LayoutName.SQITCH, "sqitch.plan", "x 2024-01-01T00:00:00Z A <a@b>", "deploy/x.sql` does not exist"),
        _one(LayoutName.SQITCH, "sqitch.plan", "what is this", "is neither a change nor a tag"),
        _one(LayoutName.SUPABASE, "1_x.sql", "-- +goose Up\nselect 1;\n-- +goose Down\nselect 2;", "goose"),
        _one(LayoutName.SUPABASE, "99999999999999999999_x.sql", "select 1;", "is larger than"),
    ],
)
def test_what_the_tool_would_run_otherwise_is_refused(
    layout: LayoutName, files: dict[str, str], said: str, repo: Checkout
) -> None:
    found = [problem.what for problem in problems(read(repo, layout, files))]
    assert any(said in what for what in found), found


def test_a_file_that_differs_from_atlas_sum_is_refused(repo: Checkout) -> None:
    files = {"1_a.sql": "select 1;", "2_b.sql": "select 2;"}
    found = read(repo, LayoutName.ATLAS, {**files, "2_b.sql": "select 3;", "atlas.sum": atlas_sum(files)})
    assert [p.what for p in problems(found)] == ["`2_b.sql` differs from atlas.sum"]


@pytest.mark.parametrize(
    ("layout", "path", "text", "name"),
    [
        (LayoutName.FLYWAY, "V1__x.sql", "create schema ${app};", "app"),
        (LayoutName.TERN, "001_x.sql", "create schema {{ .app }};", "app"),
        (LayoutName.GRAPHILE_MIGRATE, "committed/000001.sql", graphile("create schema :APP;"), "APP"),
    ],
)
def test_placeholders_with_a_value_are_replaced_and_a_new_value_is_a_new_text(
    layout: LayoutName, path: str, text: str, name: str, repo: Checkout
) -> None:
    one = read(repo, layout, {path: text}, f"placeholders: {{{name}: one}}\n")
    two = read(repo, layout, {path: text}, f"placeholders: {{{name}: two}}\n")
    assert (problems(one), problems(two)) == ([], [])
    assert "create schema one;" in one.migrations[0].up.sql
    assert one.migrations[0].checksum != two.migrations[0].checksum


def test_a_placeholder_in_a_comment_is_harmless(repo: Checkout) -> None:
    found = read(repo, LayoutName.FLYWAY, {"V1__x.sql": "-- ${name}\nselect $$ $1 $$;"})
    assert problems(found) == []


def test_sqitch_dependencies_are_those_of_the_plan(repo: Checkout) -> None:
    found = read(repo, LayoutName.SQITCH, FOLDERS[LayoutName.SQITCH][0])
    assert [m.dependencies for m in found.migrations] == [(), (1,), (2,)]
    assert found.migrations[1].path.endswith("deploy/users@v1.0.sql")


@pytest.mark.parametrize(
    ("version", "parts", "number"),
    [
        ("1", 1, 1),
        ("1", 2, 1000),
        ("1_2", 2, 1002),
        ("1.2.0", 2, 1002),
        ("1.2", 1, None),
        ("1.1000", 2, None),
        ("20240101120000.1", 2, 20240101120000001),
        ("2024010112000000000", 2, None),
    ],
)
def test_versions_of_flyway_become_numbers(version: str, parts: int, number: int | None) -> None:
    assert version_number(version, parts) == number


def test_the_text_that_the_ledger_stores_has_no_directive_of_the_tool(repo: Checkout) -> None:
    found = read(repo, LayoutName.GOOSE, FOLDERS[LayoutName.GOOSE][0])
    assert all("+goose" not in m.up.sql + (m.down.sql if m.down else "") for m in found.migrations)


def test_only_the_module_of_the_layout_is_imported() -> None:
    assert tool_of(LayoutName.GOOSE) is tool_of(LayoutName.GOOSE)

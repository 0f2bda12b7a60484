"""Folders of public repositories: init, check, plan and apply give an empty database the schema of the tool.

A database that the tool filled is taken over, and its plan is empty.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from ctgitops.core.environment.layout import LayoutName
from ctgitops.layouts.registry import tool_of
from ctgitops.postgres.server.local_server import LocalServer
from tests.layouts.origins import ORIGINS, Origin, table
from tests.servers import fetch, fresh_database, run
from tests.stories.house import House

pytestmark = pytest.mark.slow
BY_REPOSITORY = [pytest.param(origin, id=origin.repository) for origin in ORIGINS]
TABLES = "select tablename from pg_tables where tablename ~ '^t[0-9]+$' order by length(tablename), tablename"


def adopted(origin: Origin, root: Path, url: str) -> House:
    """The repository after `init`, where every environment has this database."""
    house = House(root)
    for path, text in origin.tree.items():
        house.write(path, text)
    house.secrets["STAGING_DATABASE_URL"] = url
    answer = ("--migrations", origin.folder) if origin.asks else ()
    done = house.run("init", *answer)
    assert done.status == 0, done.said
    return house


@pytest.mark.parametrize("origin", BY_REPOSITORY)
def test_an_empty_database_gets_the_schema_of_the_tool(origin: Origin, tmp_path: Path, server: LocalServer) -> None:
    url = fresh_database(server)
    house = adopted(origin, tmp_path, url)
    for command in (("check",), ("plan", "--env", "staging"), ("apply", "--env", "staging")):
        done = house.run(*command)
        assert done.status == 0, done.said
    assert [name for (name,) in fetch(url, TABLES)] == [f"t{at}" for at in range(1, len(origin.files) + 1)]
    assert "nothing to do" in house.run("plan", "--env", "staging").said


LEDGERS = Path(__file__).parents[1] / "postgres" / "ledger" / "foreign_ledgers.sql"
INSERTS = {
    LayoutName.SUPABASE: "supabase_migrations.schema_migrations (version) values ('{digits}')",
    LayoutName.DBMATE: "schema_migrations values ('{digits}')",
    LayoutName.GOLANG_MIGRATE: "schema_migrations values ({digits}, false)",
    LayoutName.GOOSE: "goose_db_version (version_id, is_applied) values ({digits}, true)",
    LayoutName.FLYWAY: "flyway_schema_history (installed_rank, version, type, success) "
    "values ({at}, '{flyway}', 'SQL', true)",
    LayoutName.SQLX: "_sqlx_migrations (version, success, checksum) values ({digits}, true, '\\x{sha384}')",
    LayoutName.DIESEL: "__diesel_schema_migrations (version) values ('{digits}')",
    LayoutName.PRISMA: "_prisma_migrations (id, finished_at, migration_name, checksum, started_at) "
    "values ({at}, now(), '{folder}', '{sha256}', clock_timestamp())",
    LayoutName.DRIZZLE: "drizzle.__drizzle_migrations (hash, created_at) values ('{sha256}', {at})",
    LayoutName.REFINERY: "refinery_schema_history (version) values ({digits})",
}
"""The row of a tool's ledger for one file. `at` is the place in the tool's order."""


def filled(origin: Origin) -> str:
    """The SQL that the tool has run on a database: all migrations, and its ledger."""
    ledger = next(part for part in LEDGERS.read_text().split("\n\n") if part.startswith(f"-- {title(origin)}\n"))
    created = "\n".join(line for line in ledger.splitlines() if not line.startswith("insert"))
    newest = len(origin.files) if origin.layout is LayoutName.GOLANG_MIGRATE else 1  # it records only the newest
    rows = [_row(origin, at, path) for at, path in enumerate(origin.files, 1) if at >= newest]
    return "\n".join([*(table(at) for at in range(1, len(origin.files) + 1)), created, *rows])


def title(origin: Origin) -> str:
    return tool_of(origin.layout).title


def _row(origin: Origin, at: int, path: str) -> str:
    name = path.rpartition("/")[2] if origin.layout in {LayoutName.FLYWAY, LayoutName.REFINERY} else path
    text = origin.tree[f"{origin.folder}/{path}"].encode()
    number = re.match("[VU]?([0-9._-]+)", name)
    assert number
    values = {
        "at": at,
        "digits": re.sub("[^0-9]", "", number[1]),
        "flyway": number[1].strip("_").replace("_", "."),
        "folder": path.partition("/")[0],
        "sha256": hashlib.sha256(text).hexdigest(),
        "sha384": hashlib.sha384(text).hexdigest(),
    }
    return f"insert into {INSERTS[origin.layout].format(**values)};"


@pytest.mark.parametrize(
    "origin", [pytest.param(each, id=each.repository) for each in ORIGINS if each.layout in INSERTS]
)
def test_a_database_that_the_tool_filled_is_taken_over(origin: Origin, tmp_path: Path, server: LocalServer) -> None:
    url = fresh_database(server)
    run(url, filled(origin))
    house = adopted(origin, tmp_path, url)
    done = house.run("baseline", "--env", "staging")
    assert done.status == 0, done.said
    assert "staging: nothing to do" in house.run("plan", "--env", "staging").said
    assert house.run("drift", "--env", "staging").status == 0

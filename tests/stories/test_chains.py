"""Migration histories of other projects: `ctgitops apply` gives the same result as `psql`, file by file.

CTGITOPS_CHAINS names a folder with one folder of numbered SQL files per project; without it these tests are skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.server.libpq_environment import environment_for
from ctgitops.postgres.server.programs import client_for
from ctgitops.sql.script import Script
from tests.servers import fetch, missing, session
from tests.stories.house import House, marks

HISTORIES = [
    pytest.param("atuin"),
    pytest.param("umami"),
    pytest.param("crates_io", marks=pytest.mark.slow),
]
BROKEN = "\nselect ctgitops_test_broke_this();\n"


@pytest.fixture
def chain(request: pytest.FixtureRequest) -> list[Path]:
    """The files of one project, in order."""
    root = os.environ.get("CTGITOPS_CHAINS")
    if not root:
        raise missing("chains", "CTGITOPS_CHAINS names no folder with histories of other projects")
    files = sorted(Path(root, request.param).glob("*.sql"), key=lambda file: int(file.name.split("_")[0]))
    if not files:
        raise missing("chains", f"CTGITOPS_CHAINS has no files of {request.param}")
    return files


def settle(house: House, files: list[Path]) -> None:
    """Makes a workspace of a history."""
    for file in files:
        shutil.copy(file, house.root / "migrations" / file.name)


def by_hand(url: str, files: list[Path]) -> None:
    """What `psql --single-transaction --file` does; statement by statement where PostgreSQL refuses a transaction."""
    for file in files:
        sql = file.read_text(encoding="utf-8")
        with session(url) as connection:
            try:
                with connection.transaction():
                    connection.execute(sql.encode())
            except psycopg.errors.ActiveSqlTransaction:
                for statement in Script(sql, file.name).statements:
                    connection.execute(sql[statement.start : statement.end].encode())


def schema(url: str) -> str:
    """`pg_dump --schema-only`, without what differs from run to run and without the ledger."""
    address = Address(url, "the test's database")
    major = int(str(fetch(url, "select current_setting('server_version_num')::int / 10000")[0][0]))
    programs = client_for(major)
    command = [programs.path("pg_dump"), "--schema-only", "--exclude-schema=ctgitops"]
    done = subprocess.run(
        command, env=environment_for(programs, address), capture_output=True, text=True, check=True, timeout=60
    )
    return re.sub(r"^\\(un)?restrict .*\n", "", done.stdout, flags=re.MULTILINE)


@pytest.mark.parametrize("chain", HISTORIES, indirect=True)
def test_the_schema_is_that_of_psql_and_the_second_run_does_nothing(
    house: House, chain: list[Path], database_url: str, make_database: Callable[[], str]
) -> None:
    settle(house, chain)
    done = house.applied()
    assert f"{len(chain)} migrations applied" in done.out
    reference = make_database()
    by_hand(reference, chain)
    assert schema(database_url) == schema(reference)
    assert "CREATE TABLE" in schema(reference)
    ledger = fetch(database_url, "select * from ctgitops.ledger order by id")
    again = house.applied()
    assert again.out.startswith("staging: up to date")
    assert fetch(database_url, "select * from ctgitops.ledger order by id") == ledger


@pytest.mark.parametrize("chain", HISTORIES, indirect=True)
def test_a_statement_broken_in_the_middle_leaves_exactly_the_files_before_it(
    house: House, chain: list[Path], database_url: str, make_database: Callable[[], str]
) -> None:
    settle(house, chain)
    middle = len(chain) // 2
    while not Script(chain[middle].read_text(encoding="utf-8"), "").transactional:
        middle += 1
    file = house.root / "migrations" / chain[middle].name
    whole = file.read_text(encoding="utf-8").rstrip().removesuffix(";") + ";"
    file.write_text(whole + BROKEN, encoding="utf-8")
    done = house.apply()
    assert done.status == 6, done.said
    assert f"migrations/{file.name}:{whole.count(chr(10)) + 2}:8" in done.words
    assert f"{file.stem} left no trace" in done.words
    reference = make_database()
    by_hand(reference, chain[:middle])
    assert schema(database_url) == schema(reference)
    applied = [mark for mark in marks(database_url) if mark.endswith(" applied")]
    assert applied == [f"{before.stem} applied" for before in chain[:middle]]
    assert marks(database_url)[-1] == f"{file.stem} failed"
    file.write_text(whole, encoding="utf-8")
    house.applied()
    by_hand(reference, chain[middle:])
    assert schema(database_url) == schema(reference)


@pytest.mark.parametrize("chain", HISTORIES, indirect=True)
def test_one_by_one_is_the_same_as_all_at_once(
    house: House, chain: list[Path], database_url: str, make_database: Callable[[], str]
) -> None:
    settle(house, chain)
    third = max(1, len(chain) // 3)
    for file in [*chain[third - 1 :: third], chain[-1]]:
        house.applied("--to", file.name.split("_")[0])
    reference = make_database()
    by_hand(reference, chain)
    assert schema(database_url) == schema(reference)

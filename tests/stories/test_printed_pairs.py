"""Two environments whose schemas differ only in how their servers print objects do not differ."""

from __future__ import annotations

import itertools
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from ctgitops.commands.replaying.replay import without_print
from ctgitops.core.schema.compare import compare
from ctgitops.core.schema.snapshot import Snapshot
from ctgitops.postgres.catalog.schema_snapshot import take_snapshot
from ctgitops.postgres.catalog.source_database import schema_of
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import base_for_servers, clients_of, fresh_database, programs_of, run
from tests.stories.house import House

pytestmark = pytest.mark.majors
SQL = Path(__file__).parents[1] / "postgres"
ALL = (SQL / "printed_objects.sql").read_text("utf-8")
SINCE_15 = (SQL / "printed_objects_15.sql").read_text("utf-8")


def server(stack: ExitStack, major: int) -> LocalServer:
    return stack.enter_context(LocalServer(programs_of(major), base=base_for_servers()))


def snapshot(url: str) -> Snapshot:
    return take_snapshot(Address(url, label="the test's database"))


def test_no_pair_of_majors_differs_in_objects_of_many_kinds() -> None:
    every: dict[int, Snapshot] = {}
    since_15: dict[int, Snapshot] = {}
    restored: dict[int, Snapshot] = {}
    with ExitStack() as stack:
        for major in (14, 15, 16, 17, 18):
            where = server(stack, major)
            url = fresh_database(where)
            run(url, "alter schema public owner to pg_database_owner; " * (major < 15) + ALL)
            every[major] = snapshot(url)
            if major >= 15:
                run(url, SINCE_15)
                since_15[major] = snapshot(url)
                copy = fresh_database(where)
                run(copy, schema_of(Address(url, label="the test's database"), major))
                run(copy, "refresh materialized view public.stored")
                restored[major] = snapshot(copy)
    for schemas in (every, since_15):
        for before, after in itertools.combinations(schemas.values(), 2):
            assert compare(before, after) == (), f"{before.about.major} and {after.about.major}"
    for here, live in itertools.product(restored, repeat=2):  # a replay on one major, a restored database on another
        changes = compare(since_15[here], restored[live])
        assert len(changes) > 5, "a restore prints expressions in another way"
        left = without_print(changes, restored[here], restored[live], majors=here != live)
        assert tuple(left) == (), f"{here} and {live}"
    assert len({each.kind for each in since_15[18].objects}) > 20


def test_a_predecessor_on_another_major_and_a_restored_environment_do_not_differ(house: House) -> None:
    with ExitStack() as stack:
        staging, made, restored = (fresh_database(server(stack, major)) for major in (17, 15, 15))
        house.migration("001_all", ALL)
        house.environment("staging", staging)
        house.environment("production", made, "after: staging\n")
        house.applied()
        assert house.run("apply", "--env", "production").status == 0
        house.secrets["PRODUCTION_DATABASE_URL"] = restored
        dump_and_restore(made, restored)
        assert compare(snapshot(made), snapshot(restored)) != (), "a restore prints expressions in another way"
        for command in (("diff", "staging", "production"), ("drift",)):
            looked = house.run(*command)
            assert looked.status == 0, looked.said
        assert "production: no drift: the schema matches the 1 migration in the ledger; no difference" in looked.out
        run(restored, "drop view public.whole; create view public.whole as select p, p.name from public.people p")
        run(restored, "alter table public.accounts drop constraint several, add constraint several check (amount > 0)")
        looked = house.run("diff", "staging", "production")
        assert looked.out.startswith("2 differences: - staging, + production\n"), looked.out


def dump_and_restore(source: str, target: str) -> None:
    programs = clients_of(15).bin
    dumped = subprocess.run([programs / "pg_dump", "-Fc", source], check=True, capture_output=True).stdout
    subprocess.run([programs / "pg_restore", "-d", target], input=dumped, check=True, capture_output=True)

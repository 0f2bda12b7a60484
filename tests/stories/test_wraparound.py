"""A real autovacuum to prevent wraparound. It never yields to a lock request, so nothing may queue behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import base_for_servers, fetch, programs_for_tests, run
from tests.stories.house import House, marks, until

pytestmark = pytest.mark.slow
EARLY = {"autovacuum_freeze_max_age": "100000", "autovacuum_naptime": "1s"}
SLOWLY = "(autovacuum_enabled = false, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
SPENT = "do $$ begin for i in 1 .. 110000 loop perform txid_current(); commit; end loop; end $$"
AT_WORK = """select pid from pg_stat_activity where backend_type = 'autovacuum worker'
             and query like 'autovacuum: VACUUM %public.one (to prevent wraparound%'"""


@pytest.fixture
def url() -> Iterator[str]:
    with LocalServer(programs_for_tests(), settings=EARLY, base=base_for_servers()) as server:
        yield server.create_database("old").url


@pytest.mark.parametrize(("then", "status"), [("wait", 5), ("ignore", 6)])
def test_nobody_queues_behind_an_autovacuum_against_wraparound(house: House, url: str, then: str, status: int) -> None:
    house.environment("staging", url, f"preflight: {{wraparound: {then}}}\ntimeouts: {{retry_for: 1s}}\n")
    house.migration("001_one", f"create table one (id int, word text) with {SLOWLY};")
    house.applied()
    run(url, "insert into one select n, repeat('x', 1000) from generate_series(1, 5000) as n")
    run(url, SPENT)
    until(lambda: fetch(url, AT_WORK), 60)
    before = fetch(url, AT_WORK)
    house.migration("002_alter", "alter table one add column more int;")
    done = house.apply()
    assert done.status == status, done.said
    assert "autovacuum to prevent wraparound" in done.words
    assert fetch(url, AT_WORK) == before
    assert marks(url)[0] == "001_one applied"
    assert "002_alter applied" not in marks(url)

"""A statement outside a transaction that meets lock_timeout is retried, and applied when the blocker has left."""

from __future__ import annotations

import time

import pytest

from tests.servers import fetch, run
from tests.stories.house import House, marks, transaction

WITHOUT_LOOK = "preflight: {long_transactions: ignore}\ntimeouts: {lock: 50ms, retry_for: 30s}\n"
OWN_TIMEOUT = "set lock_timeout = '50ms';\n"
"""A CONCURRENTLY has no lock timeout but for one that the file sets."""
INDEX = "select indisvalid from pg_index where indexrelid = to_regclass('one_by_id')"
CCNEW = "select relname from pg_class where relname ~ '_cc(new|old)'"


@pytest.mark.parametrize(
    ("sql", "indexes"),
    [
        ("vacuum full one;", []),
        pytest.param(
            f"{OWN_TIMEOUT}create index concurrently one_by_id on one (id);", [(True,)], marks=pytest.mark.slow
        ),
        pytest.param(f"{OWN_TIMEOUT}drop index concurrently old_by_id;", [], marks=pytest.mark.slow),
        pytest.param(f"{OWN_TIMEOUT}reindex index concurrently old_by_id;", [], marks=pytest.mark.slow),
        pytest.param("reindex table one;\nvacuum full one;", [], marks=pytest.mark.slow),
    ],
    ids=["vacuum full", "create index", "drop index", "reindex", "second statement"],
)
@pytest.mark.slow
def test_it_is_applied_once_the_blocker_has_left(
    lived_in: House, database_url: str, sql: str, indexes: list[tuple[bool]]
) -> None:
    """Seen to fail without the fix: it waited for its own backend for all of `retry_for`, then failed."""
    run(database_url, "create index old_by_id on one (id)")
    lived_in.environment("staging", database_url, WITHOUT_LOOK)
    lived_in.migration("002_alone", sql)
    with transaction(database_url, "lock table one in row exclusive mode"):
        running = lived_in.start("apply", "--env", "staging")
        running.says("lock timeout (attempt 1), completed statements stay; retrying in")
    left = time.monotonic()
    done = running.ended()
    assert done.status == 0, done.said
    assert time.monotonic() - left < 25, "it waited for something other than the blocker"
    assert "of an earlier run" not in done.said
    assert "rolled back" not in done.said
    assert fetch(database_url, INDEX) == indexes
    assert fetch(database_url, CCNEW) == []
    assert marks(database_url) == ["001_one applied", "002_alone started", "002_alone applied"]


@pytest.mark.slow
def test_a_procedure_that_may_have_committed_a_part_is_not_retried(lived_in: House, database_url: str) -> None:
    run(
        database_url,
        "create procedure work() language plpgsql as $$ begin "
        "insert into one values (2); commit; lock table one in share mode; end $$",
    )
    lived_in.environment("staging", database_url, WITHOUT_LOOK)
    lived_in.migration("002_alone", "-- ctgitops: no transaction\ncall work();")
    with transaction(database_url, "lock table one in row exclusive mode"):
        done = lived_in.apply()
    assert done.status == 6, done.said
    assert "canceling statement due to lock timeout" in done.words, done.said
    assert 'ctgitops repair 002 --env staging --reason "…" --statement 1' in done.words
    assert "retrying in" not in done.said
    assert fetch(database_url, "select count(*) from one where id = 2") == [(1,)]

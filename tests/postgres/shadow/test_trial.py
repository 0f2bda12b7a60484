"""Running a step statement by statement in a throw-away database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ctgitops.core.plan.plan import Direction, Step
from ctgitops.postgres.connection.connect import Connection
from ctgitops.postgres.shadow.trial import NoObserver, try_step
from ctgitops.postgres.transaction.step_failure import StepFailed
from ctgitops.sql.script import Script
from tests.servers import fetch, session


def step(sql: str, verify: str = "") -> Step:
    path = "migrations/001_one.sql"
    asked = Script(verify, "migrations/001_one.verify.sql") if verify else None
    return Step(Direction.APPLY, 1, "001_one", None, "", Script(sql, path), verify=asked)


class Locks:
    """An observer that asks the connection itself what it holds after each statement."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    @contextmanager
    def step(self, connection: Connection, step: Step) -> Iterator[None]:
        self.seen.append(f"begin {step.name} {connection.info.transaction_status.name}")
        yield
        self.seen.append(f"end {connection.info.transaction_status.name}")

    @contextmanager
    def statement(self, connection: Connection, step: Step, index: int) -> Iterator[None]:  # noqa: ARG002
        yield
        held = connection.execute(
            "select mode from pg_locks where relation = 't'::regclass and pid = pg_backend_pid() order by 1"
        ).fetchall()
        self.seen.append((index, [mode for (mode,) in held]))


def test_an_observer_sees_what_each_statement_holds_before_the_commit(database_url: str) -> None:
    observer = Locks()
    with session(database_url) as connection:
        try_step(connection, step("create table t (a int);"), NoObserver())
        try_step(connection, step("-- first\nlock t in share mode;\nalter table t add b int;"), observer)
    assert observer.seen == [
        "begin 001_one INTRANS",
        (0, ["ShareLock"]),
        (1, ["AccessExclusiveLock", "ShareLock"]),
        "end INTRANS",
    ]
    assert fetch(database_url, "select count(*) from pg_attribute where attrelid = 't'::regclass and attnum > 0") == [
        (2,)
    ]


def test_what_cannot_be_in_a_transaction_is_tried_outside_of_one(database_url: str) -> None:
    observer = Locks()
    with session(database_url) as connection:
        try_step(connection, step("create table t (a int)"), NoObserver())
        try_step(connection, step("create index concurrently i on t (a);"), observer)
    assert observer.seen == ["begin 001_one IDLE", (0, []), "end IDLE"]


@pytest.mark.parametrize(
    ("sql", "verify", "line", "said"),
    [
        ("create table t (a int);\n\nalter table t\n  add b nonsense;", "", 4, 'type "nonsense" does not exist'),
        ("create table t (a int);", "select true;\nselect count(*) = 1 from t", 2, "a verify query returned f"),
        ("select 1;\n-- ä, more than a byte\nselect 'ö' from nowhere", "", 3, 'relation "nowhere" does not exist'),
    ],
)
def test_a_failure_has_its_line_and_leaves_no_trace(
    database_url: str, sql: str, verify: str, line: int, said: str
) -> None:
    with session(database_url) as connection, pytest.raises(StepFailed) as caught:
        try_step(connection, step(sql, verify), NoObserver())
    assert caught.value.spot.place
    assert caught.value.spot.place.line == line
    assert said in caught.value.failure.message
    assert fetch(database_url, "select to_regclass('t')") == [(None,)]


def test_a_failure_goes_through_who_watches(database_url: str) -> None:
    with session(database_url) as connection, pytest.raises(StepFailed) as caught:
        try_step(connection, step("create table t (a int);\nselect 1/0"), Locks())
    assert caught.value.failure.message == "division by zero"


def test_a_batched_migration_goes_on_until_no_row_is_left(database_url: str) -> None:
    batch = (
        "-- ctgitops: batch size=3\n"
        "with b as (select ctid from t where a = 0 limit $1 for update skip locked)\n"
        "update t set a = 1 where ctid in (select ctid from b);"
    )
    with session(database_url) as connection:
        try_step(
            connection, step("create table t (a int); insert into t select 0 from generate_series(1, 10)"), NoObserver()
        )
        try_step(connection, step(batch), NoObserver())
    assert fetch(database_url, "select a, count(*) from t group by a") == [(1, 10)]


def test_a_batch_that_never_ends_is_told(database_url: str) -> None:
    for_ever = "-- ctgitops: batch size=1\nwith b as (select a from t where a < 2 limit $1) update t set a = 1 from b;"
    with session(database_url) as connection, pytest.raises(StepFailed) as caught:
        try_step(connection, step("create table t (a int); insert into t values (1)"), NoObserver())
        try_step(connection, step(for_ever), NoObserver())
    assert "still found rows after 1000 batches" in caught.value.failure.message
    assert caught.value.spot.place
    assert caught.value.spot.place.line == 2

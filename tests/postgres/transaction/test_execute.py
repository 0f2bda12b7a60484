"""What is sent around a migration, and which session state it left, on a real server."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from ctgitops.core.gate.data_loss import Loss, losses
from ctgitops.core.ledger.safeguards import Safeguards
from ctgitops.core.plan.plan import Direction, Step
from ctgitops.core.plan.rollback import make_rollback
from ctgitops.core.run.auto_rollback import Checkpoint
from ctgitops.errors import ApplyError, Place
from ctgitops.postgres.connection.cancellable_query import Failure
from ctgitops.postgres.connection.effective_settings import ON_DISK
from ctgitops.postgres.ledger.ledger import LEDGER
from ctgitops.postgres.session.coalesce import Pace
from ctgitops.postgres.transaction.execute import Part, envelope
from ctgitops.postgres.transaction.message import Spot
from ctgitops.postgres.transaction.row_guard import RowGuard
from ctgitops.postgres.transaction.step_failure import IN_TRANSACTION, hint_for, names
from ctgitops.sql.script import Script
from tests.fakes import STAGING, chained, entry, migration
from tests.postgres.runs import NO_TRANSACTION, ONE, Runs
from tests.servers import fetch, run, session
from tests.stories.house import has, marks

STEP = Step(Direction.APPLY, 1, "001_one", None, "", Script("select 1;", "migrations/001_one.sql"))
LEAKS = [
    ("set work_mem = '5MB';", "setting work_mem"),
    ("create temp table scratch ();", "temporary table scratch"),
    ("prepare p as select 1;", "prepared statement p"),
    ("declare c cursor with hold for select 1;", "cursor c"),
    ("listen news;", "LISTEN news"),
    ("select pg_advisory_lock(7);", "an advisory lock"),
    ("set role leaked;", "role leaked"),
    ("set local work_mem = '5MB';", ""),
    ("create temp table scratch () on commit drop;", ""),
    ("select pg_advisory_xact_lock(7);", ""),
    ("create table two ();", ""),
]


@pytest.fixture
def runs(database_url: str) -> Runs:
    """A role `leaked` is there."""
    run(database_url, "do $$ begin create role leaked; exception when duplicate_object then null; end $$")
    return Runs(database_url)


def leaks(runs: Runs, sql: str, *, together: bool) -> list[tuple[str, str]]:
    migrations = (ONE, migration("002_two", sql=sql), migration("003_three", sql="create table three ();"))
    with runs.locked(*migrations) as (held, plan):
        if together:
            held.single_transaction(plan, Safeguards())
        for step in () if together else plan.steps:
            held.run(step, plan, Safeguards())
        return [(leak.migration, leak.what) for leak in held.session_leaks()]


@pytest.mark.parametrize("together", [False, True], ids=["each in its own", "one transaction"])
@pytest.mark.parametrize(("sql", "left"), LEAKS, ids=[sql for sql, _ in LEAKS])
def test_session_state_that_outlives_a_migration_is_reported_and_reset(
    runs: Runs, sql: str, left: str, *, together: bool
) -> None:
    assert leaks(runs, sql, together=together) == ([("002_two", left)] if left else [])
    owner = fetch(runs.url, "select relowner::regrole::text from pg_class where relname = 'three'")
    assert owner == [("postgres",)]


def test_files_of_one_transaction_are_applied_together_or_not_at_all(runs: Runs) -> None:
    two, three = migration("002_two", sql="create table two ();"), migration("003_three", sql="select 1 / 0;")
    with runs.locked(ONE, two, three) as (held, plan):
        with pytest.raises(ApplyError, match="003_three: division by zero") as failed:
            held.single_transaction(plan, Safeguards())
        assert failed.value.applied == ()
    assert marks(runs.url) == ["003_three failed"]
    assert not has(runs.url, "one")
    with runs.locked(ONE, two) as (held, plan):
        assert len(held.single_transaction(plan, Safeguards())) == 2
    assert marks(runs.url)[1:] == ["001_one applied", "002_two applied"]
    assert fetch(runs.url, "select count(distinct xmin::text) from ctgitops.ledger where mark = 'applied'") == [(1,)]


def test_a_savepoint_that_a_file_leaves_open_is_none_of_the_next_file(runs: Runs) -> None:
    two = migration("002_two", sql="savepoint mine;\ncreate table two ();")
    three = migration("003_three", sql="create table three ();\nrollback to savepoint mine;")
    with runs.locked(ONE, two, three) as (held, plan), pytest.raises(ApplyError, match="savepoint"):
        held.single_transaction(plan, Safeguards())
    assert not has(runs.url, "one")


@pytest.mark.parametrize(
    ("query", "shown"), [("select false;", "f"), ("select null::bool;", "null"), ("select true where false;", "no row")]
)
def test_a_verify_query_that_is_not_true_rolls_its_migration_back(runs: Runs, query: str, shown: str) -> None:
    two = migration("002_two", sql="create table two ();", verify=f"select true;\n{query}\n")
    with pytest.raises(ApplyError, match=f"returned {shown} instead of true") as refuted:
        runs.apply(ONE, two)
    assert refuted.value.place is not None
    assert (refuted.value.place.path, refuted.value.place.line) == ("migrations/002_two.verify.sql", 2)
    assert not has(runs.url, "two")
    assert marks(runs.url) == ["001_one applied", "002_two failed"]


def test_only_the_last_commit_of_a_plan_waits_for_the_disk(database_url: str) -> None:
    with session(database_url) as connection:
        for last in (True, False):
            assert (ON_DISK in envelope(connection, Part(STEP, entry(ONE), last=last)).after) is last


@pytest.mark.parametrize("kind", ["", NO_TRANSACTION], ids=["in a transaction", "outside"])
def test_an_error_has_the_place_of_the_word_that_it_is_about(runs: Runs, kind: str) -> None:
    sql = f"{kind}create table two ();\nselect 1,\n  nowhere;\n"
    with pytest.raises(ApplyError, match="nowhere") as raised:
        runs.apply(migration("002_two", sql=sql))
    place = raised.value.place
    assert place is not None
    assert (place.line, place.column) == (3 + bool(kind), 3)


def test_a_failure_makes_the_next_message_one_migration() -> None:
    pace = Pace(size=8)
    pace.slow_down()
    assert pace.size == 1


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (Failure("", "23505", table=LEDGER), "another run"),
        (Failure("", "23505", table="one"), "correct the file"),
        (Failure("syntax error at or near", "42601"), "may need a newer PostgreSQL"),
        (Failure("", "23502", table=LEDGER), "correct the file"),
        (Failure("function record_migration does not exist", "42883"), "ctgitops.record_migration"),
        (Failure("function other does not exist", "42883"), "correct the file"),
        (Failure("", min(IN_TRANSACTION)), "no transaction"),
    ],
)
def test_the_hint_follows_from_what_failed(failure: Failure, said: str) -> None:
    assert said in hint_for(STEP, "staging", failure)


def test_the_names_of_many_steps_are_shortened() -> None:
    assert names(["a", "b", "c"]) == "a, b, c"
    assert names(["a", "b", "c", "d"]).startswith("a to d, 4 ")


def losses_of(down: str) -> tuple[Step, tuple[Loss, ...]]:
    ledger = chained(entry(migration("001_one", sql="create table one (id int primary key);", down=down)))
    plan = make_rollback(STAGING, ledger, ledger.in_order)
    return plan.steps[0], losses(plan, ledger)


@pytest.mark.parametrize(
    ("down", "own", "counted"),
    [
        ("drop table one;", "insert into one values (1);", True),
        ("delete from one where id > 5;", "insert into one values (6);", True),
        ("delete from one where id > 100;", "insert into one values (6);", False),
        ("drop schema x cascade;", "insert into one values (6);", False),
    ],
)
def test_a_rollback_is_refused_where_another_session_wrote_rows_that_it_destroys(
    runs: Runs, down: str, own: str, counted: bool
) -> None:
    runs.apply(ONE, migration("002_own", sql=own))
    step, found = losses_of(down)
    guard = RowGuard(found, Checkpoint(0, 0)).of(step)
    assert RowGuard(found, Checkpoint(0, 0)).of(replace(step, name="009_other")) == ""
    with session(runs.url) as connection:
        if guard:
            connection.execute(guard.encode())
        connection.execute("insert into one values (50)")
        if counted:
            with pytest.raises(psycopg.errors.ObjectInUse, match='"one" holds rows'):
                connection.execute(guard.encode())
        elif guard:
            connection.execute(guard.encode())


def test_a_place_has_no_column_where_a_hidden_password_would_shift_it() -> None:
    place = Place("migrations/001_one.sql", 3, 9)
    assert Spot(place, "select 1").place_shown == place
    assert Spot(place, "create role a password 'hunter2'").place_shown == Place("migrations/001_one.sql", 3)
    assert Spot().place_shown is None

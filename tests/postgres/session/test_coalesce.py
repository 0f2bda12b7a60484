"""Small migrations sent in one message behave exactly as if sent one by one."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ctgitops.commands.apply import apply
from ctgitops.commands.repair import Correction, Fact, accept_again
from ctgitops.commands.rollback import RollbackExtent, rollback
from ctgitops.core.migration.selector import Selector
from ctgitops.core.plan.plan import Direction, Plan, Step
from ctgitops.core.run.outcome import Outcome
from ctgitops.errors import ApplyError
from ctgitops.postgres.session import coalesce
from ctgitops.postgres.session.coalesce import Pace
from ctgitops.sql.script import Script
from ctgitops.wiring.wiring import Wiring
from tests.servers import fetch, session

SLEEPING = "from pg_stat_activity where application_name ~ '^ctgitops/(apply|[0-9]+)$' and wait_event = 'PgSleep'"
LEDGER = "select name, mark from ctgitops.ledger order by id"


def checkout(root: Path, files: dict[str, str]) -> Wiring:
    (root / "migrations").mkdir(parents=True, exist_ok=True)
    (root / "environments").mkdir(exist_ok=True)
    (root / "migrations" / "policy.yaml").write_text("header: optional\n")
    (root / "environments" / "trial.yaml").write_text(
        'environment: trial\ndatabase: {url: "${TRIAL_DATABASE_URL}"}\ntimeouts: {lock: 100ms, retry_for: 20s}\n'
    )
    for name, sql in files.items():
        (root / "migrations" / name).write_text(sql)
    return Wiring(root, {"TRIAL_DATABASE_URL": ""})


def run(root: Path, url: str) -> Outcome:
    wiring = Wiring(root, {"TRIAL_DATABASE_URL": url})
    return apply(
        wiring.request("trial"), databases=wiring.databases, backups=wiring.backups, tell=lambda _progress: None
    )


def small(count: int) -> dict[str, str]:
    first = {"001_log.sql": "create table log (n int primary key);"}
    return first | {f"{n:03}_step.sql": f"insert into log values ({n});" for n in range(2, count + 1)}


def steps(*scripts: str) -> tuple[Step, ...]:
    return tuple(
        Step(Direction.APPLY, n, f"{n:03}_x", None, "sha256:", Script(sql, f"{n:03}_x.sql"))
        for n, sql in enumerate(scripts, start=1)
    )


def plan_of(made: tuple[Step, ...]) -> Plan:
    return Plan("trial", Direction.APPLY, None, None, Selector(), steps=made)


def test_the_first_goes_alone_and_quick_ones_bring_more() -> None:
    made = steps(*["select 1"] * 100)
    pace = Pace()
    assert pace.choose(made[0], plan_of(made)) == made[:1]
    pace.learn([1])
    assert pace.choose(made[1], plan_of(made)) == made[1:5]
    for _ in range(20):
        pace.learn([1] * pace.size)
    assert pace.size == coalesce.MOST


def test_slow_ones_make_the_next_travel_with_fewer() -> None:
    pace = Pace(size=32)
    pace.learn([156] * 32)
    assert pace.size == 1
    pace = Pace(size=32)
    pace.learn([5] * 32)
    assert pace.size == 20


def test_a_few_at_the_end_of_a_group_say_nothing_of_more() -> None:
    """Seen to fail where they count like a whole group: the next was of 32."""
    pace = Pace(size=8)
    pace.learn([0, 1])
    assert pace.size == 8


@pytest.mark.parametrize(
    "special",
    [
        "create index concurrently i on t (a)",
        "vacuum",
        "alter database shop set search_path = app",
        "-- ctgitops: no transaction\nselect 1",
    ],
)
def test_what_needs_its_own_message_or_connection_does_not_travel(special: str) -> None:
    made = steps("select 1", special, "select 3")
    assert Pace(size=8).choose(made[0], plan_of(made)) == made[:1]


def test_large_files_do_not_travel_far() -> None:
    made = steps(*[f"select '{'x' * 90_000}'"] * 5)
    assert len(Pace(size=8).choose(made[0], plan_of(made))) == 2


def test_a_long_history_is_applied_once_each_in_order(tmp_path: Path, database_url: str) -> None:
    checkout(tmp_path, small(150))
    assert len(run(tmp_path, database_url).done) == 150
    assert [row[0] for row in fetch(database_url, LEDGER)] == [
        f"{n:03}_{'log' if n == 1 else 'step'}" for n in range(1, 151)
    ]
    assert fetch(database_url, "select count(*), count(distinct n) from log") == [(149, 149)]


def test_an_error_inside_a_message_leaves_exactly_the_files_before_it(tmp_path: Path, database_url: str) -> None:
    checkout(tmp_path, small(100) | {"077_step.sql": "insert into log values (77);\nselect 1 / 0;"})
    with pytest.raises(ApplyError) as raised:
        run(tmp_path, database_url)
    assert str(raised.value.place) == "migrations/077_step.sql:2:1"
    assert "077_step left no trace" in raised.value.state
    assert fetch(database_url, "select max(n), count(*) from log") == [(76, 75)]
    assert fetch(database_url, LEDGER)[-1] == ("077_step", "failed")
    (tmp_path / "migrations" / "077_step.sql").write_text("insert into log values (77);")
    run(tmp_path, database_url)
    assert fetch(database_url, "select count(*), count(distinct n) from log") == [(99, 99)]


def test_an_earlier_run_of_the_same_files_is_not_taken_for_this_one(tmp_path: Path, database_url: str) -> None:
    files = small(30) | {"017_step.sql": "create table wall (a int); insert into log values (17);"}
    downs = {f"{n:03}_step.down.sql": f"delete from log where n = {n};" for n in range(2, 31)}
    downs |= {"017_step.down.sql": "drop table wall; delete from log where n = 17;"}
    checkout(tmp_path, files | downs | {"001_log.down.sql": "drop table log;"})
    whole = run(tmp_path, database_url)
    rollback_all(tmp_path, database_url)
    with session(database_url) as other:
        other.execute("create table wall (b int)")
    with pytest.raises(ApplyError, match="wall"):
        run(tmp_path, database_url)
    assert fetch(database_url, "select max(n), count(*) from log") == [(16, 15)]
    ((plan,),) = fetch(database_url, "select plan from ctgitops.ledger order by id desc limit 1")
    assert whole.plan.fingerprint != plan, "an approval from before the rollback must not pass after it"


def rollback_all(root: Path, url: str) -> None:
    wiring = Wiring(root, {"TRIAL_DATABASE_URL": url})
    lost = tuple(f"{n:03}" for n in range(1, 31))
    rollback(
        wiring.request("trial", accepted_losses=lost),
        RollbackExtent(to=0),
        databases=wiring.databases,
        backups=wiring.backups,
        tell=lambda _progress: None,
    )
    again = tuple(Correction(number, Fact.AGAIN, "a test") for number in range(1, 31))
    accept_again(wiring.request("trial"), again, databases=wiring.databases, tell=lambda _progress: None)


def test_a_lock_that_is_held_inside_a_message_is_waited_for(tmp_path: Path, database_url: str) -> None:
    checkout(tmp_path, small(60) | {"055_step.sql": "alter table log add column more int;"})
    checkout(tmp_path, {})
    blocked = Wiring(tmp_path, {"TRIAL_DATABASE_URL": database_url})
    apply(
        blocked.request("trial", target="040"),
        databases=blocked.databases,
        backups=blocked.backups,
        tell=lambda _progress: None,
    )
    with session(database_url) as other:
        other.execute("begin; lock table log in access share mode")
        release = threading.Timer(1.0, lambda: other.execute("rollback"))
        release.start()
        run(tmp_path, database_url)
        release.join()
    assert fetch(database_url, "select count(*) from log") == [(58,)]
    assert fetch(database_url, "select count(*) from ctgitops.ledger where mark = 'applied'") == [(60,)]


def test_ctrl_c_inside_a_message_says_what_is_done_and_the_next_run_goes_on(
    tmp_path: Path, make_database: Callable[[], str]
) -> None:
    url = make_database()
    checkout(tmp_path, small(60) | {"050_step.sql": "insert into log values (50); select pg_sleep(30);"})
    timer = threading.Thread(target=_interrupt_when, args=(url,))
    timer.start()
    with pytest.raises(ApplyError, match="asked to stop") as raised:
        run(tmp_path, url)
    timer.join()
    assert "050_step left no trace" in raised.value.state
    assert fetch(url, "select max(n) from log") == [(49,)]
    assert fetch(url, LEDGER)[-1] == ("050_step", "interrupted")
    assert fetch(url, f"select count(*) {SLEEPING}") == [(0,)]
    (tmp_path / "migrations" / "050_step.sql").write_text("insert into log values (50);")
    run(tmp_path, url)
    assert fetch(url, "select count(*), count(distinct n) from log") == [(59, 59)]


def _interrupt_when(url: str) -> None:
    """Sends this process a SIGINT when the long statement runs."""
    for _ in range(500):
        if fetch(url, f"select {SLEEPING}"):
            os.kill(os.getpid(), signal.SIGINT)
            return
        time.sleep(0.02)


def test_each_entry_says_how_long_its_own_migration_took(tmp_path: Path, database_url: str) -> None:
    slow = {"020_step.sql": "select pg_sleep(0.3); insert into log values (20);"}
    checkout(tmp_path, small(30) | slow | {"022_step.sql": "reset all; insert into log values (22);"})
    run(tmp_path, database_url)
    long = "select number from ctgitops.ledger where millis >= 300 and number <> 22"
    assert fetch(database_url, long) == [(20,)]
    late = "select number from ctgitops.ledger where finished_at - started_at > interval '300 ms' and number <> 22"
    assert fetch(database_url, late) == [(20,)]


def test_a_file_may_set_its_transaction_before_any_query(tmp_path: Path, database_url: str) -> None:
    sql = """set transaction isolation level serializable;
        create table seen as select current_setting('transaction_isolation') as level;
        select record_migration('031_step.sql');"""
    checkout(tmp_path, small(40) | {"031_step.sql": sql})
    run(tmp_path, database_url)
    assert fetch(database_url, "select level from seen") == [("serializable",)]
    assert fetch(database_url, "select count(*) from ctgitops.ledger where mark = 'applied'") == [(40,)]

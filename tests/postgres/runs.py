"""Runs on a database in this process: what `apply` does with its session, without the start of a program."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ctgitops.core.environment.apply_policy import ApplyPolicy
from ctgitops.core.environment.environment import Timeouts
from ctgitops.core.gate.request import Origin
from ctgitops.core.ledger.safeguards import Safeguards
from ctgitops.core.migration.migration import Migration
from ctgitops.core.plan.plan import Plan, make_plan
from ctgitops.core.run.progress import Progress
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.session.database import PostgresDatabase
from ctgitops.postgres.session.session import WorkSession
from tests.fakes import STAGING, migration, request, workspace
from tests.servers import fetch
from tests.stories.house import until

NO_TRANSACTION = "-- ctgitops: no transaction\n"
ONE = migration("001_one", sql="create table one (id int primary key);")
WORKING = "datname = current_database() and application_name ~ '^ctgitops/(apply|[0-9]+)$'"
LOCKED = "datname = current_database() and application_name = 'ctgitops/lock'"


@dataclass
class Runs:
    """Runs on one database; `heard` are the progress events, and `hears` is called with each."""

    url: str
    lock_timeout: timedelta = timedelta(milliseconds=20)
    patience: timedelta = timedelta(seconds=30)
    wait: timedelta = timedelta(seconds=30)
    origin: Origin = field(default_factory=Origin)
    policy: ApplyPolicy = field(default_factory=ApplyPolicy)
    hears: Callable[[Progress], None] = lambda _progress: None
    heard: list[Progress] = field(default_factory=list)

    @property
    def database(self) -> PostgresDatabase:
        return PostgresDatabase(Address(self.url, "staging"))

    def _tell(self, progress: Progress) -> None:
        self.heard.append(progress)
        self.hears(progress)

    @contextmanager
    def locked(self, *migrations: Migration) -> Iterator[tuple[WorkSession, Plan]]:
        """A session that holds the run lock, and the plan of what is pending."""
        timeouts = Timeouts(lock=self.lock_timeout, retry_for=self.patience)
        environment = replace(STAGING, timeouts=timeouts, apply_policy=self.policy)
        asked = request(workspace(*migrations), environment, wait_for_lock=self.wait, origin=self.origin)
        with self.database.exclusively(asked, self._tell) as session:
            yield session, make_plan(asked.workspace, environment, session.ledger())

    def apply(self, *migrations: Migration) -> None:
        """Runs every pending step."""
        with self.locked(*migrations) as (session, plan):
            for step in plan.steps:
                session.run(step, plan, Safeguards())


@contextmanager
def once(happens: Callable[[], object], act: Callable[[], object]) -> Iterator[None]:
    """Does `act` in another thread as soon as something happens in the block; it must happen."""
    done: list[BaseException] = []

    def watch() -> None:
        try:
            until(happens, 20)
            act()
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread of the test
            done.append(error)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert done == []


def stop(number: int = signal.SIGINT) -> None:
    """What a terminal or a runner sends to this process."""
    os.kill(os.getpid(), number)


def terminate(url: str, which: str) -> bool:
    """Terminates the backends for which `which` is true, and waits for their end. Returns whether there was one."""
    return bool(fetch(url, f"select pg_terminate_backend(pid, 10000) from pg_stat_activity where {which}"))


def sleeps(url: str) -> bool:
    """Whether a statement of a run is in pg_sleep()."""
    return bool(fetch(url, f"select from pg_stat_activity where {WORKING} and wait_event = 'PgSleep'"))


def waits_for_a_lock(url: str) -> bool:
    """Whether a statement of a run waits for another session."""
    return bool(fetch(url, f"select from pg_stat_activity where {WORKING} and wait_event_type = 'Lock'"))

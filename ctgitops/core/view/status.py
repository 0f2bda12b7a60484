"""The status of an environment: the state of each migration, from the files and the ledger. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..gate.gate import Unreadable
from ..gate.override import UsedOverride, is_override, last_override
from ..ledger.deprecation_list import ListedDeprecation, listed_deprecations
from ..ledger.identity import identity_problems
from ..ledger.ledger import Entry, Ledger, Mark
from ..ledger.open_prediction import NAME as PREDICTION
from ..ledger.resumption import resumption_of
from ..ledger.reversal import changes_in, failure_in
from ..migration.header import parse_header
from ..plan.flags import FlagWait, flag_waits, removed_flag_problems
from ..plan.history import history_problems
from ..problem import Concern, Problem
from ..recovery_point import RecoveryPoint
from ..workspace.candidates import by_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..activity.run_activity import RunActivity
    from ..environment.environment import Environment
    from ..migration.migration import Migration
    from ..migration.schema_version import SchemaVersion
    from ..performance.record import Measuring
    from ..workspace.workspace import Workspace
    from .queue import QueuedApply


class State(StrEnum):
    """The state of one migration in one environment."""

    APPLIED = "applied"
    PENDING = "pending"
    FAILED = "failed"
    UNFINISHED = "unfinished"
    ROLLED_BACK = "rolled back"
    EDITED = "edited"
    MISSING = "missing"
    FLAGGED = "waits for a flag"
    HELD_BACK = "held back"


@dataclass(frozen=True)
class Row:
    """One migration in one environment."""

    number: int
    name: str
    version: SchemaVersion | None
    description: str
    date: datetime | None
    """The time at which the migration reached this state. None if the migration was never tried."""
    state: State
    detail: str = ""
    """The progress of an unfinished migration, and whether a backend still runs it; or the flags it waits for."""


@dataclass(frozen=True)
class EnvironmentStatus:
    """The status of one environment. If `unreadable` gives a reason, the other fields are empty."""

    environment: str
    unreadable: str = ""
    why_status: int = 4
    """The exit status of the error that prevented reading the environment."""
    remedy: str = ""
    """The hint on how the environment can be read again."""
    rows: tuple[Row, ...] = ()
    version: SchemaVersion | None = None
    pending: int = 0
    """The number of migrations and changed seed files that apply would run."""
    ledger_id: str = ""
    """The ledger's ID, which the manifest can require. Empty without a ledger."""
    last: Entry | None = None
    recovery_point: RecoveryPoint | None = None
    """The recovery point of the newest run that recorded one. None if no run did."""
    override: UsedOverride | None = None
    """The newest override. None if no run used one."""
    run: RunActivity | None = None
    """The run that holds the run lock. None if no run holds it."""
    measuring: Measuring | None = None
    """The run that has released the run lock, and may still measure the load. None without such a run."""
    queued: QueuedApply | None = None
    """The environment's place in the queue. None if nothing is pending."""
    deprecations: tuple[ListedDeprecation, ...] = ()
    """The deprecated tables and columns that no applied migration has dropped."""
    problems: tuple[Problem, ...] = ()

    @property
    def exit_status(self) -> int:
        """0 no problem · 1 the last run failed · 4 ledger and files disagree · otherwise the status of a read error."""
        if self.unreadable:
            return self.why_status
        if any(problem.blocks for problem in self.problems):
            return 4
        return 1 if any(problem.fails for problem in self.problems) else 0


def pending_in(workspace: Workspace, environment: Environment, ledger: Ledger) -> tuple[Migration, ...]:
    """The migrations that an apply would run now: without those beyond the target, and those that wait for a flag."""
    reached = [m for m in workspace.migrations if environment.target.reaches(m)]
    return _without_waits(reached, ledger, flag_waits(reached, environment, ledger, workspace))


def _without_waits(
    reached: Iterable[Migration], ledger: Ledger, waits: Mapping[int, FlagWait]
) -> tuple[Migration, ...]:
    return tuple(m for m in reached if m.number not in ledger.applied and m.number not in waits)


def status_of(workspace: Workspace, environment: Environment, ledger: Ledger | Unreadable) -> EnvironmentStatus:
    """The status of `environment`. Does not parse SQL, because parsing takes time. `check` finds problems in SQL."""
    if isinstance(ledger, Unreadable):
        return EnvironmentStatus(
            environment.name, unreadable=ledger.why, why_status=ledger.exit_status, remedy=ledger.hint
        )
    reached = [m for m in workspace.migrations if environment.target.reaches(m)]
    waits = flag_waits(reached, environment, ledger, workspace)
    pending = _without_waits(reached, ledger, waits)
    wanted = {m.number for m in reached}
    seeds = [s for s in workspace.seeds_of(environment) if ledger.seeded.get(s.name) != s.checksum]
    return EnvironmentStatus(
        environment=environment.name,
        deprecations=listed_deprecations(workspace.migrations, ledger),
        rows=tuple(_waiting(row, waits.get(row.number)) for row in _rows(workspace, ledger)),
        version=ledger.version,
        pending=len(pending) + len(seeds),
        last=next((e for e in reversed(ledger.entries) if _of_a_run(e)), None),
        override=last_override(ledger),
        recovery_point=next((p for e in reversed(ledger.entries) if (p := RecoveryPoint.of(e.receipt))), None),
        ledger_id=ledger.identity.ledger_id if ledger.identity else "",
        problems=(
            *identity_problems(environment, ledger.identity),
            *history_problems(workspace, environment.name, ledger, pending),
            *removed_flag_problems(workspace.migrations, environment, ledger),
            *_failed_run(environment.name, ledger, {*wanted, *(s.name for s in seeds)}),
        ),
    )


def _of_a_run(entry: Entry) -> bool:
    """Whether an entry says what a run did. False for overrides, and predictions that match or were not compared."""
    return not is_override(entry) and (entry.name != PREDICTION or entry.mark is Mark.FAILED)


def _failed_run(environment: str, ledger: Ledger, wanted: set[int | str]) -> Iterator[Problem]:
    """A problem if the last run failed and nothing has been applied, rolled back or repaired since.

    `wanted` contains the numbers of migrations and the names of seed files. A removed file needs no further action.
    """
    entry = failure_in(ledger)
    if entry is None or (entry.name if entry.number is None else entry.number) not in {*wanted, *ledger.applied}:
        return
    at = entry.finished_at or entry.started_at
    what = f"the last run failed{f' on {at:%Y-%m-%d %H:%M:%S} UTC' if at else ''}, at {entry.name}: {entry.error}"
    hint = f"`ctgitops apply --env {environment}` retries it; run `ctgitops plan --env {environment}` first"
    if entry.number in ledger.applied:
        hint = (
            f"the last run was a rollback: `ctgitops rollback --env {environment} --steps 1 --dry-run` shows "
            "what remains"
        )
    run = f"run: {entry.run_url}" if entry.run_url else ""
    yield Problem("failed-run", what, None, hint, run, blocks=False, fails=True, concern=Concern.LEDGER)


def exit_status(statuses: tuple[EnvironmentStatus, ...]) -> int:
    """The worst exit status of all environments."""
    return max((status.exit_status for status in statuses), default=0)


def _rows(workspace: Workspace, ledger: Ledger) -> tuple[Row, ...]:
    newest = {e.number: e for e in ledger.entries if e.number is not None}
    files = by_number(workspace.migrations, [*newest.values(), *ledger.applied.values()])
    for number, reversal in changes_in(ledger).reversals.items():
        if number in files and reversal.holds(files[number]):  # also for a migration that was rolled back by hand
            newest[number] = replace(reversal.entry, mark=Mark.ROLLED_BACK)
    numbers = {*files, *ledger.applied, *ledger.unfinished}
    rows = [_row(number, files.get(number), newest.get(number), ledger) for number in numbers]
    rows += [_row(m.number, m, None, Ledger()) for m in workspace.migrations if m is not files[m.number]]
    return tuple(sorted(rows, key=lambda row: (row.number, row.name)))


def _row(number: int, migration: Migration | None, newest: Entry | None, ledger: Ledger) -> Row:
    entry = ledger.applied.get(number) or newest
    state = _state(number, migration, newest, ledger)
    return Row(
        number=number,
        name=migration.name if migration else entry.name if entry else "",
        version=migration.version if migration else entry.schema_version if entry else None,
        description=_description(migration, entry),
        date=None if state is State.PENDING or entry is None else entry.finished_at or entry.started_at,
        state=state,
        detail=_detail(migration, newest, ledger) if state is State.UNFINISHED else "",
    )


def _waiting(row: Row, wait: FlagWait | None) -> Row:
    if wait is None or wait.name != row.name or row.state is not State.PENDING:
        return row
    state = State.HELD_BACK if wait.hold and not wait.flags else State.FLAGGED
    return replace(row, state=state, detail=wait.text.removeprefix("waits for "))


def _detail(migration: Migration | None, newest: Entry | None, ledger: Ledger) -> str:
    at = resumption_of(migration.up, ledger.traces_of(migration.number)) if migration else None
    if migration is None or at is None:
        return ""
    done = f"{at.rows:,} rows" if at.batches else f"{at.done} of {len(migration.up.statements)} statements"
    since = f" since {at.since:%Y-%m-%d %H:%M}" if at.since else ""
    ended = newest.mark.value if newest and newest.mark is not Mark.STARTED else "interrupted"
    return f"{done}{since}, {'running' if at.alive else ended}"


def _state(number: int, migration: Migration | None, newest: Entry | None, ledger: Ledger) -> State:
    if number in ledger.unfinished:
        return State.UNFINISHED
    if entry := ledger.applied.get(number):
        if migration is None:
            return State.MISSING
        return State.APPLIED if entry.checksum in {None, migration.checksum} else State.EDITED
    tried = {Mark.FAILED: State.FAILED, Mark.ROLLED_BACK: State.ROLLED_BACK}
    return tried.get(newest.mark, State.PENDING) if newest else State.PENDING


def _description(migration: Migration | None, entry: Entry | None) -> str:
    if migration:
        return migration.header.description if migration.header else ""
    header = parse_header(entry.sql or "", entry.name)[0] if entry else None
    return header.description if header else ""

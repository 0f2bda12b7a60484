"""Runs independent index builds of one migration at the same time, each on its own connection.

One thread starts, observes and records all builds. Ctrl-C therefore cancels all of them. Each build has the same
progress rows as a build that runs alone, so the next run can resume after an interruption at any time.

If a build fails, no other build starts. The running builds continue to their end, because their work is then done.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

import psycopg

from ...core.run.progress import BuildsStarted
from ...errors import Cause, CtgitopsError
from ...lazy import dataclass
from ...sql.parallel_builds import ALONE, next_build, table_built_on
from ..connection.cancellable_query import Answer, Interrupted, exchange, rows
from ..connection.names import AT_WORK, literal
from ..connection.sent_message import SentMessage, cancel_all, wait_for_any
from ..connection.uninterrupted_cleanup import uninterrupted_cleanup
from ..lock.orphaned_backends import ending
from ..transaction.message import OWN_PATH
from ..transaction.step_failure import StepFailed, send
from .index_progress import IndexWatch
from .stepwise import Walk, author_of

if TYPE_CHECKING:
    from ..connection.connect import Connection
    from .recover import InterruptedStatement
    from .stepwise import BuildRunner

_ROOT = """
select coalesce(pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, c.oid) from pg_catalog.pg_class c
where c.oid operator(pg_catalog.=) pg_catalog.to_regclass({name}) and c.relpersistence operator(pg_catalog.<>) 't'
"""
"""Queries the table that a name refers to, or the root of its partition tree. Leaves out temporary tables.

Two builds on partitions of one table could wait for each other if one of them is a REINDEX of the whole table.
"""


_SETTINGS = """
select name, setting from pg_catalog.pg_settings
where source operator(pg_catalog.=) 'session'
union all select 'role', current_user::pg_catalog.text
"""
"""Queries the settings that the session has changed, and its role. A function or a DO block can change them too."""


@dataclass
class _Lane:
    """A connection that runs one build after the other."""

    walk: Walk
    backend: int
    position: int = 0
    """The position of the running statement. 0 if none runs."""
    sent: SentMessage | None = None
    disabled: list[str] = field(default_factory=list)
    since: float = 0.0
    watch: Callable[[], None] = lambda: None


def at_most(builds: int) -> BuildRunner:
    """A runner that runs up to `builds` independent index builds at the same time."""
    return lambda walk, earlier, positions: ParallelBuilds(walk, earlier, builds).run_all(positions)


class ParallelBuilds:
    """The builds of one segment of a script. `walk` has the run's main connection, which runs no build itself.

    `earlier` maps positions to the unfinished statements that an earlier run began there.
    """

    def __init__(self, walk: Walk, earlier: Mapping[int, InterruptedStatement], parallel: int) -> None:
        self._walk, self._earlier, self._parallel = walk, earlier, parallel
        self._lanes: list[_Lane] = []
        self._failed: list[tuple[int, StepFailed]] = []
        self._watching: list[Connection] = []

    def run_all(self, positions: Sequence[int]) -> None:
        """Runs the statements at `positions`. Raises StepFailed if any statement failed, and Interrupted."""
        waiting = [position for position in positions if self._must_run(position)]
        tables = self._tables(self._walk.connection, waiting)
        most = min(self._parallel, len(set(tables.values()) - {ALONE}))
        fewer = "" if most > 1 else "their tables are not independent"
        try:
            if most > 1:
                fewer = self._open_lanes(positions[0] - 1, most, tables)
            if len(waiting) > 1:
                self._walk.run.tell(BuildsStarted(self._walk.step, tuple(waiting), max(len(self._lanes), 1), fewer))
            if len(self._lanes) > 1:
                self._run(waiting, tables)
                waiting = []
        except KeyboardInterrupt:
            self._cancel()
            raise Interrupted(Answer(0, ())) from None
        finally:
            self._close()
        if self._failed:
            raise self._failure()
        for position in waiting:
            self._walk.one(position, None)

    def _must_run(self, position: int) -> bool:
        """Whether a statement must run. Repairs what an earlier run left. Records a statement that is complete."""
        walk = self._walk
        walk.run.assert_lock_held()
        if walk.must_run(position, self._earlier.get(position)):
            return True
        walk.record_done(position)
        return False

    def _tables(self, connection: Connection, positions: Sequence[int]) -> dict[int, str]:
        """Maps each position to the table of its build, as `connection` resolves the name. ALONE if unknown."""
        found: dict[int, str] = {}
        for position in positions:
            name = table_built_on(self._walk.script.statements[position - 1])
            answer = send(connection, _ROOT.format(name=literal(self._walk.author.escaping, name)))
            found[position] = next((str(oid) for result in answer.results for (oid,) in rows(result)), ALONE)
        return found

    def _open_lanes(self, done: int, most: int, tables: Mapping[int, str]) -> str:
        """Opens up to `most` connections. Returns why there are fewer. Empty if there are not."""
        for _ in range(most):
            try:
                lane = self._open_lane(done)
                difference = self._difference(lane.walk.connection, tables)
            except CtgitopsError as error:
                return error.what
            except StepFailed as failed:
                difference = f"a new session cannot repeat the settings of this file: {failed.failure.message}"
            if difference:
                self._close()
                return difference
        return ""

    def _open_lane(self, done: int) -> _Lane:
        """Opens a connection with the settings of the first `done` statements. Raises CtgitopsError, StepFailed."""
        connection = self._walk.run.another()
        lane = _Lane(replace(self._walk, connection=connection), connection.info.backend_pid)
        self._lanes.append(lane)
        lane.walk = replace(lane.walk, author=author_of(connection, self._walk.author.entry, self._walk.step))
        lane.walk.open(done)
        return lane

    def _difference(self, connection: Connection, tables: Mapping[int, str]) -> str:
        """Why builds on `connection` could differ from builds on the main connection. Empty if they cannot."""
        here, there = (set(rows(send(each, _SETTINGS).results[0])) for each in (self._walk.connection, connection))
        if differ := sorted({str(name) for name, _ in here ^ there}):
            return f"a new session has a different {', '.join(differ)}: set it with SET in this file"
        if self._tables(connection, tuple(tables)) != dict(tables):
            return "a new session resolves the tables' names differently: qualify them with their schema"
        return ""

    def _run(self, waiting: list[int], tables: Mapping[int, str]) -> None:
        while True:
            self._start(waiting, tables)
            running = [lane for lane in self._lanes if lane.sent]
            if not running:
                return
            if not wait_for_any([lane.sent for lane in running if lane.sent]):
                self._walk.run.assert_lock_held()
                for lane in running:
                    lane.watch()
            for lane in running:
                if lane.sent and lane.sent.answer:
                    self._end(lane, lane.sent.answer)

    def _start(self, waiting: list[int], tables: Mapping[int, str]) -> None:
        """Starts builds on all idle connections. Starts none after a failure."""
        for lane in self._lanes:
            if lane.sent or self._failed:
                continue
            running = [each.position for each in self._lanes if each.sent]
            position = next_build(waiting, running, tables)
            if position is None:
                return
            waiting.remove(position)
            self._walk.run.assert_lock_held()
            self._begin(lane, position)

    def _begin(self, lane: _Lane, position: int) -> None:
        walk, lane.position, lane.since = lane.walk, position, time.monotonic()
        try:
            lane.disabled = walk.begin(position)
        except StepFailed as failed:
            self._failed.append((position, failed))
            return
        lane.watch = IndexWatch(self._watching_connection, lane.backend, walk.step, walk.run.tell, position)
        lane.sent = SentMessage(walk.connection)
        lane.sent.send(walk.script.text_of(walk.script.statements[position - 1]))

    def _end(self, lane: _Lane, answer: Answer) -> None:
        """Records the result of a build."""
        lane.sent = None
        try:
            lane.walk.check(lane.position, answer, lane.disabled)
            lane.walk.record_done(lane.position)
        except StepFailed as failed:
            self._failed.append((lane.position, failed))
            if failed.lost:
                self._end_backend(lane)
        else:
            lane.walk.report(lane.position, lane.since)

    def _end_backend(self, lane: _Lane) -> None:
        """Terminates the backend of a lost connection: otherwise, it might continue its build."""
        lane.walk.connection.close()
        end = ending(f"a.pid = {lane.backend} and a.application_name ~ '{AT_WORK}'")
        exchange(self._walk.connection, f"begin; {OWN_PATH}; set local role none; {end}; commit")

    def _watching_connection(self) -> Connection:
        """The connection that reads the progress of all builds."""
        if not self._watching or self._watching[0].closed:
            self._watching[:] = [self._walk.run.another()]
        return self._watching[0]

    def _cancel(self) -> None:
        """Cancels all running builds. A second Ctrl-C ends the wait for them."""
        running = [lane.sent for lane in self._lanes if lane.sent]
        for lane in self._lanes:
            lane.sent = None
        with contextlib.suppress(psycopg.Error, KeyboardInterrupt):
            cancel_all(running)

    def _close(self) -> None:
        """Closes all connections. Cancels the builds that still run."""
        with uninterrupted_cleanup():
            self._cancel()
            for connection in (*(lane.walk.connection for lane in self._lanes), *self._watching):
                connection.close()
        self._lanes.clear()
        self._watching.clear()

    def _failure(self) -> StepFailed:
        """The failure of all failed builds. Its message is that of the first one."""
        (_, first), *others = self._failed
        detail = "\n".join(filter(None, (first.failure.detail, *self._also_failed(others))))
        return replace(
            first,
            failure=replace(first.failure, detail=detail),
            lost=any(failed.lost for _, failed in self._failed),
            retried=all(failed.retried and failed.cause is Cause.LOCK_TIMEOUT for _, failed in self._failed),
        )

    def _also_failed(self, others: list[tuple[int, StepFailed]]) -> Iterator[str]:
        for position, failed in others:
            where = failed.spot.place or self._walk.script.path
            yield f"ALSO FAILED: statement {position}, {where}: {failed.failure.message}"
            if failed.failure.detail:
                yield failed.failure.detail

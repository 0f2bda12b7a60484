"""Traces what statements do to tables in use; the results are the reference for lint's findings."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from psycopg.errors import Error

from ctgitops.core.impact.impact import StepImpact
from ctgitops.core.plan.plan import Direction, Step
from ctgitops.postgres.connection.connect import Address, Connection, connect
from ctgitops.postgres.trace.tracer import Tracer
from ctgitops.sql.script import Script

_SETTINGS = {"search_path": "pg_catalog"}
_MOST_SECONDS = 20


@dataclass(frozen=True)
class Truth:
    """The observed effects of one file."""

    impact: StepImpact
    failed: str = ""
    """PostgreSQL's error, if the file failed; a failed file is not judged."""

    @property
    def blocks(self) -> bool:
        """Whether the file blocks writes to a table in use while it scans, rewrites or indexes the whole table."""
        return self.impact.blocks_writes_while_it_works

    @property
    def work(self) -> list[str]:
        """The scans, rewrites and index builds for `blocks`, as text."""
        blocking = (worked for each in self.impact.statements for worked in each.blocking)
        return list(dict.fromkeys(f"{worked.work} {worked.relation}" for worked in blocking))


class Judge:
    """A database in which files run; their changes are kept or rolled back."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._tracer = Tracer(lambda: connect(address, "bench/trace", _SETTINGS))
        self._connection = self._connected()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._connection.close()
        self._tracer.__exit__()

    def file(self, script: Script, *, keep: bool = True) -> Truth:
        """Runs one file as apply does, and rolls it back if it fails or if `keep` is false.

        A file outside a transaction is always kept.
        """
        step = Step(Direction.APPLY, 1, script.path, None, script.checksum, script)
        self._tracer.impacts.clear()
        failed = ""
        try:
            self._run(step, keep=keep)
        except Error as error:
            failed = str(error).split("\n")[0]
        if failed or not step.transactional:
            self._connection.close()
            self._connection = self._connected()
        elif keep:
            self._connection.execute("reset all")
        return Truth(self._tracer.impacts.get(1, StepImpact()), failed)

    def _run(self, step: Step, *, keep: bool) -> None:
        with ExitStack() as end:
            if step.transactional:
                self._connection.execute("begin")
                end.push(lambda kind, *_: self._end("rollback" if kind or not keep else "commit"))
            with self._tracer.step(self._connection, step):
                for index, statement in enumerate(step.script.statements):
                    with self._tracer.statement(self._connection, step, index):
                        self._connection.execute(step.script.text_of(statement).encode())

    def _end(self, how: str) -> None:
        if not self._connection.broken:
            self._connection.execute(how.encode())

    def _connected(self) -> Connection:
        return connect(self._address, "bench", {"statement_timeout": f"{_MOST_SECONDS}s"})

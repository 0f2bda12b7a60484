"""Reports the progress of an index build. A second connection reads the progress while the first runs the build."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg

from ...core.run.progress import IndexAdvanced, Listener
from ...errors import CtgitopsError

if TYPE_CHECKING:
    from ...core.plan.plan import Step
    from ..connection.connect import Connection

# PostgreSQL counts nothing while it sorts, but sets tuples_total.
_STANDS = """
select phase,
       case when phase ~ 'sorting' then 0
            when blocks_total > 0 then blocks_done when tuples_total > 0 then tuples_done else lockers_done end,
       case when phase ~ 'sorting' then 0
            when blocks_total > 0 then blocks_total when tuples_total > 0 then tuples_total else lockers_total end
from pg_catalog.pg_stat_progress_create_index where pid = %s
"""
TENTHS = 10
"""The number of parts into which a phase is divided. Each part is reported once, to keep logs short."""


class IndexWatch:
    """Watches an index build. Called about every second while the build runs. An error never fails the build."""

    def __init__(
        self, open_connection: Callable[[], Connection], backend: int, step: Step, tell: Listener, position: int = 0
    ) -> None:
        self._open = open_connection
        self._backend = backend
        self._step = step
        self._tell = tell
        self._position = position
        self._connection: Connection | None = None
        self._reported: tuple[str, int] | None = None

    def __call__(self) -> None:
        """Reports the progress once for each tenth of a phase."""
        with contextlib.suppress(psycopg.Error, CtgitopsError):
            if self._connection is None or self._connection.closed:
                self._connection = self._open()
            row = self._connection.execute(_STANDS.encode(), [self._backend]).fetchone()
            if row and row[0] is not None:
                self._heard(str(row[0]), int(str(row[1] or 0)), int(str(row[2] or 0)))

    def _heard(self, phase: str, done: int, total: int) -> None:
        tenth = TENTHS * done // total if total else 0
        if self._reported != (phase, tenth):
            self._reported = (phase, tenth)
            self._tell(IndexAdvanced(self._step, phase, done, total, self._position))

    def close(self) -> None:
        """Closes the second connection."""
        if self._connection is not None:
            self._connection.close()

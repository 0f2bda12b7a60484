"""The live display. Shows the current step with a spinner and a clock, below the completed steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from ..core.run import backup_progress as backup_events
from ..core.run import progress as events
from ..report.terminal_text import on_one_line
from .lines import line_of

if TYPE_CHECKING:
    from ..core.run.progress import Listener, Progress

_WITHIN = (
    events.StepWaited,
    events.BlockersAwaited,
    events.StatementFinished,
    events.IndexAdvanced,
    events.BuildsStarted,
    events.BackendAwaited,
    events.BatchFinished,
    events.BatchPaused,
    backup_events.BackupMeasured,
)
"""Events that do not restart the clock, because they belong to the current step or to a part of a backup."""


class Live:
    """A listener for a block. Updates the last line of the display during the block, and removes it at the end."""

    def __init__(self, stream: TextIO, now: Callable[[], datetime]) -> None:
        self._console = Console(file=stream, markup=False, highlight=False, emoji=False)
        doing = TextColumn("{task.description}", markup=False, table_column=Column(overflow="fold"))
        columns = (SpinnerColumn(), doing, TimeElapsedColumn())
        self._bars = Bars(*columns, console=self._console, transient=True)
        self._now = now
        self._task: TaskID | None = None

    def __enter__(self) -> Listener:
        self._bars.start()
        return self._tell

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def _tell(self, progress: Progress) -> None:
        if doing := _doing(progress):
            self._show(doing, keep_clock=isinstance(progress, _WITHIN))
            return
        self._drop()
        if line := line_of(progress):
            self._console.print(Text(f"{self._now():%H:%M:%S} {line}"), soft_wrap=True)

    def _show(self, doing: str, *, keep_clock: bool) -> None:
        if keep_clock and self._task is not None:
            self._bars.update(self._task, description=doing)
            return
        self._drop()
        self._task = self._bars.add_task(doing, total=None)

    def _drop(self) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None


def _doing(progress: Progress) -> str:
    """Returns the activity that an event begins. Empty for an event that ends an activity."""
    match progress:
        case events.StepStarted(step=step, position=position, of=of):
            return f"[{position}/{of}] {on_one_line(step.name)} …"
        case _:
            return (
                line_of(progress)
                if isinstance(
                    progress,
                    (
                        events.LockAwaited,
                        events.OrphanAwaited,
                        events.PreflightAwaited,
                        backup_events.BackupAdvanced,
                        *_WITHIN,
                    ),
                )
                else ""
            )

"""Shows what a run of another process is doing: in a terminal as a live display, in a log as a line for each change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TextIO

from ..core.activity.run_activity import Look
from ..report.watch import activity_line, activity_lines, state_of

Show = Callable[[Look], None]


@contextmanager
def run_display(
    environment: str, environ: Mapping[str, str], stream: TextIO, now: Callable[[], datetime] = datetime.now
) -> Iterator[Show]:
    """Yields a function that shows an observation of the run."""
    if stream.isatty() and not environ.get("GITHUB_ACTIONS") and environ.get("TERM") != "dumb":
        with _live(environment, stream) as show:
            yield show
        return
    yield _lines(environment, stream, now)


@contextmanager
def _live(environment: str, stream: TextIO) -> Iterator[Show]:
    from rich.console import Console  # noqa: PLC0415 - rich takes 100 ms, and only a terminal needs it
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream, markup=False, highlight=False, emoji=False)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda look: live.update(Text("\n".join(activity_lines(look, environment))), refresh=True)


def _lines(environment: str, stream: TextIO, now: Callable[[], datetime]) -> Show:
    seen: list[object] = []

    def show(look: Look) -> None:
        state = state_of(look)
        if not seen:
            stream.write("\n".join(activity_lines(look, environment)) + "\n")
        elif state != seen[-1]:
            stream.write(f"{now():%H:%M:%S} {activity_line(look)}\n")
        seen[:] = [state]
        stream.flush()

    return show

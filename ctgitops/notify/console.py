"""Shows progress in a live display if the terminal supports it, otherwise as plain lines with the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from .lines import line_of, worth_a_line

if TYPE_CHECKING:
    from ..core.run.progress import Listener, Progress


def console(
    environ: Mapping[str, str], stream: TextIO, now: Callable[[], datetime] = datetime.now
) -> AbstractContextManager[Listener]:
    """Yields a listener for a block. The listener writes text to `stream`, never to stdout."""
    if stream.isatty() and not environ.get("GITHUB_ACTIONS") and environ.get("TERM") != "dumb":
        from .live import Live  # noqa: PLC0415 - rich takes 100 ms, and only a terminal needs it

        return Live(stream, now)
    return nullcontext(plain(stream, now))


def plain(stream: TextIO, now: Callable[[], datetime]) -> Listener:
    """A listener that writes a line of plain text for each event that `worth_a_line` accepts."""

    def tell(progress: Progress) -> None:
        if worth_a_line(progress) and (line := line_of(progress)):
            stream.write(f"{now():%H:%M:%S} {line}\n")
            stream.flush()

    return tell

"""Writes the log as JSON lines, one object for each event. `report/schemas/log.schema.json` describes the objects."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from ..report.terminal_text import on_one_line
from .event_fields import environment_of, fields_of, level_of, name_of, step_of
from .lines import line_of

if TYPE_CHECKING:
    from ..core.run.progress import Listener, Progress

VERSION = 1


def now_in_utc() -> datetime:
    """The current time."""
    return datetime.now(UTC)


def json_line(moment: datetime, level: str, event: str, message: str, **fields: Any) -> str:
    """One line of the log, in ASCII without control characters, which a terminal could interpret as commands."""
    head = {
        "version": VERSION,
        "time": moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "event": event,
        "message": on_one_line(message),
    }
    return json.dumps(head | {"environment": None, "migration": None} | fields) + "\n"


def json_lines(stream: TextIO, environment: str = "", now: Callable[[], datetime] = now_in_utc) -> Listener:
    """A listener that writes a line for every event. Until an event names an environment, lines have `environment`."""
    current = environment

    def tell(progress: Progress) -> None:
        nonlocal current
        current = environment_of(progress) or current
        step = step_of(progress)
        named = {"environment": current or None, "migration": step.name if step else None}
        fields = named | fields_of(progress)
        stream.write(json_line(now(), level_of(progress), name_of(progress), line_of(progress), **fields))
        stream.flush()

    return tell

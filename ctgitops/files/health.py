"""Validates `health` in a manifest, and reads its query as SQL with its position in the file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from ..core.environment.apply_policy import Health
from ..core.problem import Problem
from ..core.workspace.workspace import query_problems
from ..sql.script import Script
from .json_schema import Fault
from .strict_yaml import Document, Keys, shown_value

KEYS: Keys = ("health",)
SHORTEST = timedelta(seconds=1)


def query_of(document: Document, text: str) -> Script:
    """The query as a Script that starts at its line in the manifest."""
    return Script(text, document.path, document.place((*KEYS, "query")).line or 1)


def health_faults(document: Document, health: Health) -> Iterator[Fault]:
    """Reports a value that is not a query, and invalid times."""
    place = document.place((*KEYS, "query"))
    for problem in (each for each in query_problems(health.query) if each.blocks):
        what = f"`health.query`: {problem.what}"
        yield Fault((*KEYS, "query"), Problem("health-query", what, place, problem.hint))
    if not SHORTEST <= health.every <= health.within:
        written: Any = document.value
        key = "every" if "every" in written["health"] else "within"
        value = shown_value(written["health"].get(key))
        what = f"`health.{key}: {value}` is not valid"
        hint = "expected at least 1s and at most `within` (default: 5min)"
        yield Fault((*KEYS, key), Problem("value", what, document.place((*KEYS, key)), hint))

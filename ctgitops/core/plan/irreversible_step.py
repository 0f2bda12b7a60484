"""Warns about migrations without a rollback: once for each migration, or once for many. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...errors import Place
from ..problem import Problem

if TYPE_CHECKING:
    from ...sql.script import Script

SEPARATELY = 3
"""Maximum number of irreversible migrations with a warning each. More migrations share one warning."""


def irreversible_problems(found: Iterable[tuple[str, Script]]) -> Iterable[Problem]:
    """The warnings about irreversible migrations, which are given by name and SQL file."""
    named = list(found)
    if len(named) > SEPARATELY:
        name, script = named[0]
        what = f"{len(named)} migrations are IRREVERSIBLE, the first is {name}"
        hint = "only a restore of an earlier backup can undo these migrations"
        yield Problem("irreversible", what, Place(script.path, script.first_line), hint, blocks=False)
        return
    for name, script in named:
        hint = "only a restore of an earlier backup can undo this migration"
        place = Place(script.path, script.first_line)
        yield Problem("irreversible", f"{name} is IRREVERSIBLE", place, hint, blocks=False)

"""Removes statements that name a database: a copy on an external server never has the real database's name."""

from __future__ import annotations

import re
from dataclasses import replace

from ...core.plan.plan import Step
from ...core.trial.trial import Skipped
from ...sql.databases import databases_named
from ...sql.script import Script


def without_databases(step: Step) -> tuple[Step, tuple[Skipped, ...]]:
    """The step without such statements, and the removed ones; lines, columns and comments keep their positions."""
    script, skipped = step.script, list[Skipped]()
    text = list(script.sql)
    for statement in script.statements:
        if names := databases_named(script.text_of(statement)):
            start = script.start_of(statement)
            skipped.append(Skipped(step.name, names[0], script.place(start)))
            text[start : statement.end] = re.sub(r"[^\n]", " ", script.sql[start : statement.end])
    if not skipped:
        return step, ()
    return replace(step, script=Script("".join(text), script.path, script.first_line)), tuple(skipped)

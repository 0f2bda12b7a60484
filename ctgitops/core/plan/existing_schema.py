"""Detects a database without a ledger whose schema already has what pending migrations create. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..problem import Concern, Problem

if TYPE_CHECKING:
    from ..schema.snapshot import Snapshot
    from .plan import Plan, Step

DUPLICATE = frozenset({"42P07", "42710", "42P06", "42723", "42701"})
"""The SQLSTATEs of errors about a table, object, schema, function or column that already exists."""
FEW = 50
"""The number of steps up to which the schema is compared after every step."""
MISSING = 3
"""The number of steps with a missing table after which the schemas are no longer compared."""
_TABLES = frozenset({"table", "foreign table", "view", "materialized view"})


@dataclass(frozen=True)
class Nearest:
    """The migration after which the schema from the files is most similar to the schema of the database."""

    number: int
    name: str
    differences: int | None = None
    """The number of differences. None if the schemas were not compared."""
    silent: tuple[str, ...] = ()
    """The migrations that directly follow the nearest migration and do not change the schema."""


def tables_there(steps: Iterable[Step], live: Snapshot) -> tuple[Step, ...]:
    """The steps before the first step with a missing table, up to the last step that creates a table."""
    there, path = _relations(live)
    found: list[Step] = []
    last = 0
    for step in steps:
        made = [statement.makes for statement in step.script.statements if statement.makes]
        if any(not _is_there(name, there, path) for name in made):
            break
        found.append(step)
        last = len(found) if made else last
    return tuple(found[:last])


def likely_steps(steps: tuple[Step, ...], live: Snapshot) -> range:
    """The positions of the steps after which the schema from the files may be most similar to `live`.

    A comparison takes as long as reading the whole schema. A long history is therefore compared only from the last step
    whose table exists to the third step after it that creates a missing table. Empty if no table of it exists.
    """
    if len(steps) <= FEW:
        return range(len(steps))
    there, path = _relations(live)
    made = [[each.makes for each in step.script.statements if each.makes] for step in steps]
    found = [any(_is_there(name, there, path) for name in names) for names in made]
    if not any(found):
        return range(0)
    first = len(found) - 1 - found[::-1].index(True)
    missing = [n for n in range(first + 1, len(steps)) if made[n]]
    return range(first, missing[MISSING - 1] if len(missing) >= MISSING else len(steps))


def _relations(live: Snapshot) -> tuple[set[str], list[str]]:
    """The names of the tables and views without quotes, and the schemas of the search path."""
    there = {each.name.replace('"', "") for each in live.objects if each.kind in _TABLES}
    return there, [part.strip().strip('"') for part in (live.about.search_path or "public").split(",")]


def _is_there(name: str, there: set[str], path: list[str]) -> bool:
    """Whether one of `there`, names without quotes, is the table."""
    parts = [part.replace('""', '"') for part in name.strip('"').split('"."')]
    schemas = [parts[0]] if len(parts) > 1 else path
    return any(f"{schema}.{parts[-1]}".replace('"', "") in there for schema in schemas)


def with_baseline_hint(plan: Plan, environment: str, nearest: Nearest) -> Plan:
    """Adds a problem that suggests `baseline`. The hint of a problem that reports a failed trial suggests it too."""
    command = f"ctgitops baseline --env {environment} --at {nearest.number}"
    does = "compares the schema with the files" if nearest.differences else "records the migration without running it"
    problems = tuple(
        replace(problem, hint=f"the object already exists: `{command}` {does}") if problem.code == "fails" else problem
        for problem in plan.problems
    )
    return replace(plan, problems=(*problems, _problem(environment, nearest, command)))


def _problem(environment: str, nearest: Nearest, command: str) -> Problem:
    if nearest.differences == 0:
        what = f"the schema of {environment} already matches the files up to {nearest.name}, but no ledger records them"
        hint = f"`{command}` records these files without running them; then `ctgitops plan --env {environment}`"
    elif nearest.differences is None:
        what = f"{environment} already has the tables of the files up to {nearest.name}, but no ledger records them"
        hint = f"`{command}` compares the schema with the files, and records the files if both match"
    else:
        count = f"{nearest.differences} difference{'s' if nearest.differences > 1 else ''}"
        what = (
            f"the schema of {environment} is most similar to the schema of the files up to {nearest.name}, with {count}"
        )
        hint = (
            f"`{command}` shows the differences; change a file or the database, or accept the differences and "
            "record why: "
            f'`{command} --accept-differences "REASON"`'
        )
    if nearest.silent:
        hint += f". The schema does not show whether {', '.join(nearest.silent)} ran: check the rows"
    return Problem("already-there", what, hint=hint, blocks=False, concern=Concern.LEDGER)

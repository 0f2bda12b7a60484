"""The trial of seed files. Each file runs on the copy after the migrations, as apply runs it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import ApplyError, Place
from ...sql.script import Script
from ..plan.plan import Direction, Plan, Step
from ..plan.replay import seed_step
from ..problem import Problem
from .gap import Stop

if TYPE_CHECKING:
    from ..environment.environment import Environment
    from ..ledger.ledger import Ledger
    from ..migration.migration import Seed
    from ..workspace.workspace import Workspace

_ADDS = frozenset({"InsertStmt", "VariableSetStmt"})
_DEFINES = frozenset({"ViewStmt", "CreateFunctionStmt", "CreateTrigStmt", "CommentStmt", "GrantStmt", "AlterOwnerStmt"})
"""Statements that take only short locks, and that repeatable files usually consist of."""
_SETVAL = re.compile(r"select\s+(?:pg_catalog\.)?setval\s*\(", re.IGNORECASE)


@dataclass(frozen=True)
class SeedTrial:
    """The trial of one seed file. `failed` is the file's error. `stop` is the reason why the result is unknown."""

    seed: Seed
    failed: ApplyError | None = None
    stop: Stop | None = None


def applied_seeds(workspace: Workspace, environment: Environment, ledger: Ledger) -> tuple[Seed, ...]:
    """The seed files whose current text ran in the environment. A copy can have only the rows of these files."""
    return tuple(s for s in workspace.seeds_of(environment) if ledger.seeded.get(s.name) == s.checksum)


def known_rows(ledger: Ledger, seeded: tuple[Seed, ...]) -> Iterator[Step]:
    """Steps that add the rows which applied migrations added by INSERT, and the rows of the files in `seeded`."""
    for entry in ledger.in_order:
        path = f"migrations/{entry.name}.sql"
        script = Script(entry.sql or "", path)  # a baseline has no SQL
        for statement in script.statements:
            if statement.kind == "InsertStmt":
                yield Step(Direction.APPLY, 0, entry.name, None, "", Script(script.text_of(statement), path))
    yield from map(seed_step, seeded)


def seed_problems(plan: Plan, tried: tuple[SeedTrial, ...], stop: Stop | None) -> Iterator[Problem]:
    """A problem for each seed file of the plan that fails on the copy, or that was not tried.

    `stop` is the place where the trial of the migrations stopped. It is None if all migrations ran.
    """
    found = {each.seed.name: each for each in tried}
    for seed in plan.seeds:
        mine = found.get(seed.name)
        if mine and (error := mine.failed):
            kind = "repeatable" if seed.repeatable else "seed"
            what = f"the {kind} file fails on a copy of {plan.environment}'s schema: {error.what}"
            hint = error.hint or "correct the file: it would fail in the real database too"
            yield Problem("fails", what, error.place or Place(seed.script.path), hint, error.detail)
        elif mine is None or mine.stop:
            why = (mine.stop if mine else None) or _before(stop)
            place = why.place if mine and why.place else Place(seed.script.path)
            yield Problem("seed-not-tried", f"the seed file was not tried: {why.why}", place, why.remedy, blocks=False)
        else:
            yield from _not_measured(seed)


def _not_measured(seed: Seed) -> Iterator[Problem]:
    """A problem if the seed file does more than add rows. The trial of a seed file measures no locks or duration."""
    script = seed.script
    for statement in script.statements:
        if seed.repeatable and statement.kind in _DEFINES:
            continue
        if statement.kind not in _ADDS and not _SETVAL.match(script.text_of(statement)):
            kind = "repeatable" if seed.repeatable else "seed"
            what = f"the {kind} file ran on the copy, but its locks and its duration were not measured"
            place = script.place(script.start_of(statement))
            hint = "move changes of existing rows and of the schema into a migration, whose locks the plan measures"
            yield Problem("seed-not-measured", what, place, hint, blocks=False)
            return


def _before(stop: Stop | None) -> Stop:
    if stop is None:
        return Stop("no trial was made", "run `ctgitops plan` with a shadow")
    return Stop(f"the trial stopped at {stop.place}", stop.remedy) if stop.place else stop

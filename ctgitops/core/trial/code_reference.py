"""References in the repository's code to dropped and renamed names, and the deploy order that they require. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from ...sql.breaking import KnownObjects, breaks_of
from ...sql.guard import NotAnalysedError
from ...sql.name_changes import ChangedName, ConflictTarget, SearchedName
from ...sql.parse import SqlSyntaxError, Statement, trees
from ..plan.plan import Direction, Plan
from ..problem import NOT_ANALYSED, Problem
from ..workspace.breaking_change import UNDECLARED

if TYPE_CHECKING:
    from ...errors import Place
    from ...sql.script import Script

_DOUBTS = frozenset({NOT_ANALYSED, UNDECLARED, "fails", "not-tried"})
"""Codes of problems that show that a plan may do more than add names."""
SHOWN = 5
"""The number of references that a message lists. Further references are only counted."""


@dataclass(frozen=True)
class Mention:
    """A line of code that refers to a dropped or renamed name, or that needs a dropped unique constraint."""

    changed: SearchedName
    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Searched:
    """The result of searching the code."""

    mentions: tuple[Mention, ...] = ()
    unsearched: str = ""
    """Why a part of the code was not searched. Empty if the search covered all code."""


@dataclass(frozen=True)
class CodeUnavailable:
    """Code that is not available, such as the code of a pull request that is not checked out."""

    why: str

    def mentions(self, _: tuple[SearchedName, ...]) -> Searched:
        """Returns no mentions, and the reason."""
        return Searched(unsearched=self.why)


class DeployOrder(StrEnum):
    """Whether the schema or the code is deployed first. In this order, the code always finds the names that it uses."""

    SCHEMA_FIRST = "schema-first"
    """The plan only adds names, and no part of the plan is unknown. Deploy new code after the plan. Old code still
    works."""
    CODE_FIRST = "code-first"
    """The plan drops or renames something. First deploy code that does not use the old names."""
    SPLIT = "split"
    """The plan adds names that new code needs, and drops names that old code uses. Neither order is safe."""


def removed_by(plan: Plan) -> dict[ChangedName, Place]:
    """Maps each name that a plan drops or renames, and does not create again, to the place of its statement."""
    found: dict[ChangedName, Place] = {}
    for script in [step.script for step in plan.steps if plan.direction is Direction.APPLY]:
        for statement in _statements(script):
            place = script.place(script.start_of(statement))
            found |= dict.fromkeys(statement.removes, place)
            if there := {(each.table, each.column) for each in statement.creates}:
                found = {each: at for each, at in found.items() if (each.table, each.column) not in there}
    return found


def searched_for(plan: Plan) -> dict[SearchedName, Place]:
    """Maps names to search for to their places: removed names, and dropped unique constraints and indexes."""
    findings = (each for step in plan.steps for each in step.findings)
    found: dict[SearchedName, Place] = dict(removed_by(plan).items())
    found |= {each.conflict_target: each.place for each in findings if each.conflict_target}
    return found if plan.direction is Direction.APPLY else {}


def _statements(script: Script) -> tuple[Statement, ...]:
    try:
        return script.statements
    except SqlSyntaxError:  # a separate problem reports the syntax error and blocks the plan
        return ()


def mentions_in(path: str, text: str, those: Iterable[SearchedName]) -> Iterator[Mention]:
    """The lines of a file that refer to a name in `those`. Yields a line once for each of its names.

    A column counts in SQL that names its table, in an ORM's query of the table, in the class that maps the table, or at
    a variable that holds a row. A column whose name has several words also counts if its table is unknown. A unique
    constraint counts if an INSERT names the constraint, or exactly its columns, as the target of ON CONFLICT.
    """
    from ..code.name_search import lines_of  # noqa: PLC0415 - 30 modules, and most plans drop and rename nothing

    return (Mention(changed, path, line) for changed, line in lines_of(path, text, those))


def mention_problems(plan: Plan, searched: Searched) -> tuple[Problem, ...]:
    """A warning for each name to which code still refers. Its place is the statement that drops or renames the name."""
    return tuple(_problems(searched_for(plan), searched))


def _problems(those: dict[SearchedName, Place], searched: Searched) -> Iterator[Problem]:
    for each, place in those.items():
        found = [m for m in searched.mentions if m.changed == each]
        if found:
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            what = f"{each.text}, but {_use(each)}: {', '.join(map(str, found[:SHOWN]))}{more}"
            yield Problem("mentioned-in-code", what, place, _hint(each), blocks=False)
    if those and searched.unsearched:
        place = next(iter(those.values()))
        what = f"not all code was searched for the dropped or renamed names: {searched.unsearched}"
        yield Problem("not-searched", what, place, "search the code for these names before you merge", blocks=False)


def _use(each: SearchedName) -> str:
    return "INSERT … ON CONFLICT in code needs it" if isinstance(each, ConflictTarget) else "code still refers to it"


def _hint(each: SearchedName) -> str:
    if isinstance(each, ConflictTarget):
        return "code first: deploy code without that INSERT, or create a unique index CONCURRENTLY on the same columns"
    if each.renamed_to:
        kind = "a generated column or a trigger" if each.column else "a view of the old name"
        return (
            f"code first: keep both names until all code uses the new name ({kind}), "
            "and drop the old name in a later migration"
        )
    return (
        "code first: deploy code that does not use the name, and merge this pull request when that code runs everywhere"
    )


def order_of(plans: Iterable[Plan]) -> DeployOrder | None:
    """The deploy order for all plans together.

    None if the plans change no name that code uses, or if old code may fail for a different reason than a changed name.
    Leaves out the history of an environment that has no migration yet, because no code uses this environment.
    """
    seen = [replace(plan, steps=tuple(s for s in plan.steps if s.name not in plan.history)) for plan in plans]
    takes = any(removed_by(plan) for plan in seen)
    adds = any(_adds(plan) for plan in seen)
    if takes:
        return DeployOrder.SPLIT if adds else DeployOrder.CODE_FIRST
    return DeployOrder.SCHEMA_FIRST if adds and not any(_may_break(plan) for plan in seen) else None


def _may_break(plan: Plan) -> bool:
    """Whether old code may fail, as the header, the SQL or the trial shows. Also true for a plan with unknown parts."""
    if any(step.breaking for step in plan.steps) or _DOUBTS & {problem.code for problem in plan.problems}:
        return True
    if any(finding.rule == "dynamic-sql" for step in plan.steps for finding in step.findings):
        return True
    known = KnownObjects()
    try:
        return any(breaks_of(trees(step.script.sent), known) for step in plan.steps)
    except (NotAnalysedError, SqlSyntaxError):
        return True


def _adds(plan: Plan) -> bool:
    """Whether the plan creates a name that code can use."""
    removed = {(each.table, each.column) for each in removed_by(plan)}
    fresh = {(each.table, each.column) for step in plan.steps for each in step.creates}
    return plan.direction is Direction.APPLY and bool(fresh - removed)

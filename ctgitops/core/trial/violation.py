"""Existing rows that would make a migration fail. The rows are counted before the plan runs. Pure.

The count ignores the plan's own changes before the statement that would fail. If these changes can matter, the problem
says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ...sql.data_loss import made
from ...sql.guard import Guard
from ...sql.parse import SqlSyntaxError, Tree, trees
from ...sql.row_requirements import Demand, demands, writes_rows_of
from ..plan.plan import Direction, Plan, Step
from ..plan.remedy import begin_before
from ..problem import Concern, Problem

if TYPE_CHECKING:
    from ...errors import Place
    from .trial import Trial

ANYONE = "*"
WITH_ROWS = frozenset({"table", "materialized view", "foreign table"})
"""The kinds of schema objects that contain rows."""


@dataclass(frozen=True)
class Risk:
    """A condition that existing rows must meet for a statement of the plan to succeed."""

    step: str
    place: Place
    demand: Demand
    earlier: str = ""
    """An earlier step of the same plan that may change the violating rows. Empty without such a step."""


@dataclass(frozen=True)
class Violation:
    """The result of counting the rows that violate one requirement."""

    risk: Risk
    rows: int | None
    """The number of violating rows. None if they could not be counted."""
    at_least: bool = False
    keys: tuple[str, ...] = ()
    why: str = ""
    """Why the rows could not be counted."""


def risks_of(plan: Plan) -> tuple[Risk, ...]:
    """The requirements that existing rows can violate, in the plan's order. New tables without rows have none."""
    walk = _Walk()
    if plan.direction is not Direction.APPLY:
        return ()
    return tuple(risk for step in plan.steps for risk in walk.through(step))


def had_all_rows(trial: Trial | None, plan: Plan) -> bool:
    """Whether a trial ran the whole plan with the rows that an apply finds.

    This is so if the database has no table yet. Then all rows are those that the plan itself writes.
    """
    if trial is None or trial.complete_changes is None or trial.ran_on or trial.skipped or not trial.before.about.major:
        return False
    empty = not any(each.kind in WITH_ROWS for each in trial.before.objects)
    return empty and {step.name for step in plan.steps} <= {*trial.tried}


def violation_problems(found: Iterable[Violation]) -> Iterator[Problem]:
    """A problem for each requirement that is violated or could not be checked.

    Violating rows block the plan, unless an earlier step may change them. If several checks of one table fail for the
    same reason, one problem at the first statement reports them all.
    """
    unlooked: dict[tuple[str, str, str], list[Violation]] = {}
    for each in found:
        if each.rows is None:
            unlooked.setdefault((each.risk.step, each.risk.demand.table, each.why), []).append(each)
        elif each.rows:
            yield _violating(each)
    yield from (_unchecked(together) for together in unlooked.values())


def _violating(found: Violation) -> Problem:
    risk, rows = found.risk, f"{found.rows:,} row{'' if found.rows == 1 else 's'}"
    some = f"{'at least ' if found.at_least else ''}{rows} of {risk.demand.table}"
    what = f"{some} would make {risk.step} fail: {risk.demand.says}"
    if risk.earlier:
        hint = f"the rows were counted before the plan runs: make sure that no such rows remain after {risk.earlier}"
    else:
        before = begin_before(risk.step)
        hint = f"correct those rows and plan again, or correct them in a migration before this one: {before}"
    details = [f"primary keys of some of these rows: {', '.join(found.keys)}"] if found.keys else []
    if risk.demand.violating:
        details.append(f"select * from {risk.demand.table} where {risk.demand.violating};")  # noqa: S608 - only displayed
    return Problem(
        "violating-rows", what, risk.place, hint, "\n".join(details), blocks=not risk.earlier, concern=Concern.WORKSPACE
    )


def _unchecked(found: list[Violation]) -> Problem:
    risk = found[0].risk
    of = f" of {risk.demand.table}" if risk.demand.table else ""
    says = dict.fromkeys(each.risk.demand.says for each in found)
    more = f" and {len(says) - 1} more" if len(says) > 1 else ""
    what = f"it was not checked whether rows{of} make {risk.step} fail: {risk.demand.says}{more}; {found[0].why}"
    detail = "\n".join(says) if more else ""
    return Problem(
        "rows-not-looked-at",
        what,
        risk.place,
        "check the rows by hand before you apply the migration",
        detail,
        blocks=False,
    )


@dataclass
class _Walk:
    """Walks through a plan and tracks which rows its steps write or change."""

    made: set[str] = field(default_factory=set)
    added: set[tuple[str, str]] = field(default_factory=set)
    written: dict[str, str] = field(default_factory=dict)
    """Maps each table to the step that writes to it."""
    deferred: dict[tuple[str, str], Demand] = field(default_factory=dict)

    def through(self, step: Step) -> Iterator[Risk]:
        """Yields the risks of one step."""
        try:
            found = trees(step.script.sent)
        except SqlSyntaxError:
            return
        for statement, tree in zip(step.script.statements, found, strict=True):
            place = step.script.place(step.script.start_of(statement))
            for demand in _demands(tree):
                if demand.deferred:
                    self.deferred[_plain(demand.table), demand.deferred] = demand
                elif risk := self._risk(step, place, self._now(demand)):
                    yield risk
            guard = Guard()
            created = tuple(guard.each("the created tables and columns", partial(made, tree.kind, tree.node)))
            written = tuple(guard.each("the written rows", partial(writes_rows_of, tree.kind, tree.node)))
            self._learn(step, tree.kind, created, (*written, *([ANYONE] if guard.failures else ())))

    def _now(self, demand: Demand) -> Demand:
        return self.deferred.get((_plain(demand.table), demand.constraint), demand) if demand.constraint else demand

    def _learn(self, step: Step, kind: str, those: Iterable[tuple[str, str]], written: Iterable[str]) -> None:
        for table, column in those:
            if column:
                self.added.add((_plain(table), column))
            else:
                self.made.add(_plain(table))
                if kind == "CreateTableAsStmt":
                    self.written[_plain(table)] = step.name
        for table in written:
            reached = self.made if table == ANYONE else {_plain(table)}
            self.written |= dict.fromkeys({*reached, _plain(table)}, step.name)

    def _risk(self, step: Step, place: Place, demand: Demand) -> Risk | None:
        table = _plain(demand.table)
        if table in self.made:
            if not (writer := self.written.get(table)):
                return None
            why = f"the plan itself creates that table, and {writer} may fill it"
            return Risk(step.name, place, _unseen(demand, why))
        if any((table, column) in self.added for column in demand.columns):
            return Risk(step.name, place, _unseen(demand, "the plan itself adds that column"))
        return Risk(step.name, place, demand, self.written.get(table) or self.written.get(ANYONE, ""))


def _demands(tree: Tree) -> Iterator[Demand]:
    """The requirements of a statement on existing rows. If the analysis fails, a requirement that reports this."""
    guard = Guard()
    yield from guard.each("the requirements on existing rows", partial(demands, tree.kind, tree.node))
    for failure in guard.failures:
        yield Demand(
            "", f"this {tree.kind} may have requirements on existing rows", unseen=f"it was not analysed: {failure}"
        )


def _unseen(demand: Demand, why: str) -> Demand:
    return Demand(demand.table, demand.says, demand.columns, unseen=why)


def _plain(table: str) -> str:
    """The name without the schema `public`. Qualified and unqualified names then compare as equal."""
    return table.removeprefix('"public".')

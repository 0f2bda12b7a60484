"""Deleted rows that are not counted, because a function, a block, a trigger or a cascade deletes them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...lazy import regex
from ...sql.data_loss import DestructionKind
from ...sql.destruction import deletions
from ...sql.parse import Statement, trees
from ..gate.forward_loss import Name, name_of
from ..impact.cascade import Relatives, TableChange
from ..impact.row_trigger import traced
from ..problem import Problem

if TYPE_CHECKING:
    from ..gate.data_loss import CountedLoss
    from ..impact.impact import StatementImpact
    from ..impact.projection import Effect
    from ..plan.plan import Plan, Step
    from ..schema.snapshot import SchemaObject, Snapshot

_DELETES = regex(r"\bdelete\b", re.IGNORECASE)
_WHOLE = {DestructionKind.TABLE, DestructionKind.EMPTIED, DestructionKind.DELETED}


def uncounted_problems(
    plan: Plan, effects: Mapping[int, Effect], losses: Iterable[CountedLoss], schemas: Sequence[Snapshot]
) -> Iterator[Problem]:
    """A problem for each table whose rows a function, a block, a trigger or a cascade deletes.

    `schemas` contains the schemas before and after the plan. It is empty without a trial.
    """
    relatives, counted = Relatives(*schemas), list(losses)
    tables = {
        name_of(each.name): each.name for each in _objects(schemas[:1]) if each.kind in {"table", "foreign table"}
    }
    for step in plan.steps:
        told = {name_of(each.loss.what.name) for each in counted if _of(each, step)}
        for impact, statement in traced(step, effects[step.number]) if step.number in effects else ():
            if statement.kind == "MergeStmt" and not _DELETES.search(step.script.text_of(statement)):
                continue
            told |= _shown(step.script.text_of(statement), tables)
            direct = [tables[name_of(relation)] for relation in _deleted(impact) if name_of(relation) in tables]
            for change in (
                more for table in direct for more in relatives.changes(TableChange(table, frozenset({"DELETE"})))
            ):
                if "DELETE" in change.events and name_of(change.table) not in told:
                    told.add(name_of(change.table))
                    yield _problem(step, statement, change)


def _objects(schemas: Iterable[Snapshot]) -> Iterator[SchemaObject]:
    for schema in schemas:
        yield from schema.objects


def _shown(text: str, tables: Iterable[Name]) -> set[Name]:
    """The tables from which the text of a statement deletes rows. An unqualified name may be in any schema."""
    names = {name_of(each) for tree in trees(text) for each in deletions(tree)}
    return {table for table in tables if {table, table[-1:]} & names}


def _of(each: CountedLoss, step: Step) -> bool:
    return each.loss.migration == step.name and each.loss.what.how in _WHOLE


def _deleted(impact: StatementImpact) -> Iterator[str]:
    nodes = (node for plan in impact.queries for node in plan.walk())
    return (node.relation for node in nodes if node.operation in {"Delete", "Merge"} and not node.fresh)


def _problem(step: Step, statement: Statement, change: TableChange) -> Problem:
    by = f"the foreign key {change.key}" if change.key else "a function, a block or a trigger"
    what = f"{step.name} deletes rows of {change.table} by {by}, so their number is not known"
    place = step.script.place(step.script.start_of(statement))
    return Problem(
        "rows-not-counted", what, place, f"count these rows with the same condition in {change.table}", blocks=False
    )

"""Constraints that rows from a migration may violate. The trial cannot check them on its empty tables. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from ...lazy import dataclass, regex
from ...sql.data_loss import DestructionKind
from ...sql.destruction import Renamed, destruction
from ...sql.guard import Guard
from ...sql.parse import Tree, trees
from ...sql.row_writes import RowWrite, row_writes
from ..problem import Problem
from .cascade import Relatives, TableChange, plain_name
from .row_trigger import traced

if TYPE_CHECKING:
    from ..plan.plan import Plan, Step
    from ..schema.snapshot import SchemaObject, Snapshot
    from .impact import StatementImpact
    from .projection import Effect

_SHOWN = 4
_UNIQUE = regex(r"^(?:PRIMARY KEY|UNIQUE|EXCLUDE|CREATE UNIQUE INDEX)\b")
_OFF = regex(r"\bdisable\s+trigger\s+all\b|\bsession_replication_role\b", re.IGNORECASE)
_WORD = regex(r'"(?:[^"]|"")+"|\w+')
_EMPTIES = {DestructionKind.TABLE, DestructionKind.EMPTIED, DestructionKind.DELETED}


def row_constraint_problems(
    plan: Plan, effects: Mapping[int, Effect], before: Snapshot, after: Snapshot | None = None
) -> Iterator[Problem]:
    """A problem for each statement whose rows may violate constraints of existing tables."""
    walk = _Walk(_Schema(before, after or before))
    for step in plan.steps:
        walk.checks_keys = not _OFF.search(step.script.sql)
        if effect := effects.get(step.number):
            for impact, statement in traced(step, effect):
                text = step.script.text_of(statement)
                names = dict.fromkeys(name for tree in trees(text) for name in walk.refusing(tree, text, impact))
                if names:
                    yield _problem(step, step.script.start_of(statement), tuple(names))


class _Schema:
    """The tables before the plan, with the constraints that restrict their rows."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self.relatives = Relatives(before, after)
        self.tables: dict[str, str] = {}
        """Maps each table's plain name to its name in the snapshot."""
        self.restricts: dict[str, list[SchemaObject]] = {}
        self.required: dict[str, list[SchemaObject]] = {}
        for each in before.objects:
            if each.kind in {"table", "foreign table"}:
                self.tables[plain_name(each.name)] = each.name
            elif each.kind == "constraint" or _UNIQUE.match(each.attributes.get("definition", "")):
                self.restricts.setdefault(each.of, []).append(each)
            elif each.kind == "column" and each.attributes.get("not_null") == "yes":
                self.required.setdefault(each.of, []).append(each)

    def table(self, name: str) -> str:
        """The table that a quoted name in SQL means. Empty if the plan itself creates the table."""
        plain = plain_name(name)
        same = [each for each in self.tables if each == plain or each.endswith(f".{plain}")]
        found = plain if plain in self.tables else f"public.{plain}" if f"public.{plain}" in self.tables else ""
        return self.tables[found or same[0]] if found or len(same) == 1 else ""


@dataclass
class _Walk:
    """Walks through the statements of a plan and tracks which constraints and rows they remove."""

    schema: _Schema
    ran: str = ""
    checks_keys: bool = True
    """Whether foreign keys are checked in the current step. A step can disable the triggers that check them."""
    emptied: set[str] = field(default_factory=set)

    def refusing(self, tree: Tree, text: str, impact: StatementImpact) -> Iterator[str]:
        """The constraints that rows of one statement may violate, as text."""
        guard = Guard()
        writes = [*guard.each("the rows that it writes", lambda: row_writes(tree))]
        writes += self._hidden(impact, {(self.schema.table(write.table), write.event) for write in writes})
        # Keys are checked at the end of a statement, after those in its WITH
        self.emptied |= {self.schema.table(name) for name in guard.each("what it empties", lambda: _emptied(tree))}
        if guard.failures:
            yield f"an unknown constraint, because a part was not analysed ({guard.failures[0]}),"
        for write in writes:
            if table := self.schema.table(write.table):
                yield from self._restrictions(table, write)
                if self.checks_keys:
                    yield from self._references(table, write)
            yield from (f"the cast to {name}" for name in write.casts)
        self.ran += text

    def _hidden(self, impact: StatementImpact, shown: set[tuple[str, str]]) -> Iterator[RowWrite]:
        """The updates and deletions that the SQL text does not show. A function, block or dynamic SQL makes them."""
        nodes = (node for query in impact.queries for node in query.walk() if not node.fresh)
        for name, event in dict.fromkeys((node.relation, node.operation.upper()) for node in nodes if node.operation):
            if event in {"UPDATE", "DELETE"} and (self.schema.table(name), event) not in shown:
                yield RowWrite(name, event, nullable=None)

    def _restrictions(self, table: str, write: RowWrite) -> Iterator[str]:
        if write.event == "DELETE" or (write.event == "INSERT" and table in self.emptied and write.constant):
            return
        for each in self.schema.restricts.get(table, ()):
            definition = each.attributes.get("definition", "")
            unique = bool(_UNIQUE.match(definition))
            if (unique and write.skips_duplicates) or (not unique and write.constant) or self._gone(each):
                continue
            if definition.startswith("FOREIGN KEY") and not self.checks_keys:
                continue
            if _names(definition.partition("REFERENCES")[0], write.columns):
                name = each.name.removeprefix(f"{table}.").removeprefix("public.")
                yield f"the {'index' if each.kind == 'index' else 'constraint'} {name}"
        for column in self.schema.required.get(table, ()):
            name = plain_name(column.name.removeprefix(f"{table}."))
            if write.nullable is None or name in map(plain_name, write.nullable):
                yield f"NOT NULL of {name}"

    def _references(self, table: str, write: RowWrite) -> Iterator[str]:
        """The foreign keys that refuse the loss of a row. Includes the keys of tables that cascades reach."""
        if write.event == "INSERT":
            return
        columns = None if write.columns is None else frozenset(map(plain_name, write.columns))
        first = TableChange(table, frozenset({write.event}), columns if write.event == "UPDATE" else None)
        for change in self.schema.relatives.changes(first):
            for key in self.schema.relatives.refusing(change):
                if key.table not in self.emptied and not _dropped(key.name, self.ran):
                    yield f"the foreign key {key.name} of {key.table.removeprefix('public.')}"

    def _gone(self, each: SchemaObject) -> bool:
        return _dropped(each.name.removeprefix(f"{each.of}."), self.ran)


def _dropped(name: str, ran: str) -> bool:
    bare = re.escape(name.rpartition(".")[2].strip('"'))
    drops = [*re.finditer(rf'drop\s+(?:constraint|index)\s[^;]*?"?\b{bare}\b', ran, re.IGNORECASE)]
    again = rf'(?:add\s+constraint|create\s+unique\s+index)\s[^;]*?"?\b{bare}\b'
    return bool(drops) and not re.search(again, ran[drops[-1].end() :], re.IGNORECASE)


def _emptied(tree: Tree) -> tuple[str, ...]:
    found = (each for each in destruction(tree) if not isinstance(each, Renamed))
    return tuple(each.name for each in found if each.how in _EMPTIES and not each.only_some)


def _names(definition: str, columns: Iterable[str] | None) -> bool:
    """Whether a constraint's definition names one of the columns."""
    if columns is None:
        return True
    return bool({plain_name(column) for column in columns} & {plain_name(word) for word in _WORD.findall(definition)})


def _problem(step: Step, offset: int, names: tuple[str, ...]) -> Problem:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    what = (
        f"{step.name} writes rows that may violate {', '.join(names[:_SHOWN])}{more}: the copy has no rows, so this "
        "was not tried"
    )
    hint = "query the real tables for rows that would violate it, such as duplicates or references to missing rows"
    return Problem("row-constraint", what, step.script.place(offset), hint, blocks=False)

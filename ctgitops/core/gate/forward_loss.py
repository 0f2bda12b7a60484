"""Data that a migration destroys when it is applied, according to its SQL and to the schema changes in its trial."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from functools import cached_property

from ...lazy import dataclass, regex
from ...sql.block_statements import runs_of
from ...sql.column_type import cuts, type_from
from ...sql.data_loss import Destroyed, DestructionKind, made
from ...sql.destruction import Renamed, Retyped, destruction
from ...sql.guard import Guard
from ...sql.nodes import quoted_name
from ...sql.parse import SqlSyntaxError, trees
from ..plan.plan import Direction, Plan, Step
from ..plan.replay import seed_step
from ..schema.compare import Added, Changes, Removed
from ..schema.snapshot import SchemaObject, Snapshot
from .data_loss import Loss

_PART = regex(r'"((?:[^"]|"")*)"|([^.]+)')
_WHOLE = {"table": DestructionKind.TABLE, "materialized view": DestructionKind.VIEW}

Name = tuple[str, ...]
"""The parts of a qualified name, without the schema `public`. For a column, the last part is the column."""


def forward_losses(plan: Plan, live: Snapshot | None, changes: Changes | None = None) -> tuple[Loss, ...]:
    """The data that the steps and seed files of a plan destroy. Leaves out objects that the plan itself creates.

    `live` is the schema before the plan, None if unknown. `changes` are the changes of a complete trial, or None.
    """
    if plan.direction is not Direction.APPLY:
        return ()
    walk = _Walk(_Live(live or Snapshot()), changes)
    steps = (*plan.steps, *map(seed_step, plan.seeds))
    found = [loss for step in steps for loss in walk.through(step)]
    found = [
        loss for loss in found if loss.what.how is not DestructionKind.VIEW or name_of(loss.what.name) not in walk.made
    ]
    return (*found, *walk.unseen(steps, found))


def name_of(text: str, *more: str) -> Name:
    """The parts of the SQL name `text`, followed by `more`."""
    parts = [quoted.replace('""', '"') or plain for quoted, plain in _PART.findall(text)]
    parts = parts[1:] if parts[:1] == ["public"] and len(parts) > 1 else parts
    return (*parts, *(part for each in more for part in name_of(each)))


@dataclass(frozen=True)
class _Live:
    """The schema before the plan."""

    snapshot: Snapshot

    @cached_property
    def _tables(self) -> dict[Name, SchemaObject]:
        return {name_of(o.name): o for o in self.snapshot.objects if o.kind in {*_WHOLE, "foreign table", "view"}}

    @cached_property
    def _columns(self) -> dict[Name, SchemaObject]:
        return {name_of(o.name): o for o in self.snapshot.objects if o.kind == "column"}

    def table(self, name: Name) -> Name:
        """The qualified name of a table. Resolves an unqualified name if only one schema has that table."""
        same = [each for each in self._tables if each[-1:] == name]
        return same[0] if name not in self._tables and len(same) == 1 else name

    def quoted(self, name: Name) -> str:
        """The name of a table in SQL. The name is qualified if the table's schema is known."""
        return quoted_name(*(("public",) if len(name) == 1 and name in self._tables else ()), *name)

    def column(self, name: Name) -> SchemaObject | None:
        """The column. The last part of `name` is the column's name. The other parts are the table's name."""
        return self._columns.get(name)


@dataclass
class _Walk:
    """Walks through a plan and tracks the names that its steps create and change."""

    live: _Live
    changes: Changes | None
    made: set[Name] = field(default_factory=set)
    once: dict[Name, Name] = field(default_factory=dict)
    """Maps the current name of an object to its name before the plan."""

    def through(self, step: Step) -> Iterator[Loss]:
        """The losses that the SQL of one step shows."""
        try:
            found = trees(step.script.sent)
        except SqlSyntaxError:
            return
        for statement, tree in zip(step.script.statements, found, strict=True):
            guard = Guard()
            place = step.script.place(step.script.start_of(statement))
            for each in guard.each("the destroyed data", lambda tree=tree: destruction(tree)):  # type: ignore[misc]
                if isinstance(each, Renamed):
                    self._rename(each)
                elif loss := self._loss(step, each):
                    yield replace(loss, place=place)
            if guard.failures:
                unknown = Destroyed(
                    DestructionKind.UNREADABLE, f"a statement that was not analysed, {guard.failures[0]},"
                )
                yield Loss(step.name, unknown, place)
            self.made |= {name_of(*name) for run in runs_of(tree) for name in made(run.kind, run.node)}

    def _rename(self, each: Renamed) -> None:
        old = name_of(each.table, each.column)
        new = name_of(each.table, each.new) if each.column else name_of(each.new)
        self.once[new] = self._column(old) if each.column else self._table(old)
        if old in self.made:
            self.made.add(new)

    def _table(self, name: Name) -> Name:
        """The name that a table had before the plan."""
        return self.once.get(name) or self.live.table(name)

    def _column(self, name: Name) -> Name:
        return self.once.get(name) or (*self._table(name[:-1]), name[-1])

    def _loss(self, step: Step, each: Destroyed) -> Loss | None:
        """The loss, with the object's current name in the database. None if the database loses nothing."""
        table, column = name_of(each.name), name_of(each.column)
        if table in self.made or (column and (*table, *column) in self.made) or each.how is DestructionKind.UNREADABLE:
            unknown = each.how is DestructionKind.UNREADABLE and self.changes is None
            return Loss(step.name, each, step.script.place(0)) if unknown else None
        full = self._table(table)
        name = (*full, self._column((*table, *column))[-1]) if column else full
        known = self.live.column(name) if column else None
        if known and "generated" in known.attributes:
            return None
        if each.how is not DestructionKind.SCHEMA:
            each = replace(each, name=self.live.quoted(full), column=quoted_name(*name[-1:]) if column else "")
        loss = Loss(step.name, each, step.script.place(0))
        return _retyped(loss, each, known) if isinstance(each, Retyped) else loss

    def unseen(self, steps: tuple[Step, ...], found: Iterable[Loss]) -> Iterator[Loss]:
        """The losses that only the trial shows, such as losses by CASCADE or by functions."""
        lost_names = {name_of(loss.what.name, loss.what.column) for loss in found}
        changes = self.changes or ()
        moved = set(self.once.values()) | _moved(changes)
        for change in changes:
            each, name = change.object, name_of(change.object.name)
            if not isinstance(change, Removed) or {name, name[:1], name_of(each.of)} & (lost_names | moved):
                continue
            if each.kind in _WHOLE and not {name_of(parent) for parent in _parents(each)} & lost_names:
                yield _by_change(steps, Destroyed(_WHOLE[each.kind], self.live.quoted(name)))
            elif each.kind == "column" and "generated" not in each.attributes and not _gone(each.of, changes):
                what = Destroyed(DestructionKind.COLUMN, self.live.quoted(name[:-1]), quoted_name(name[-1]))
                yield _by_change(steps, what)


def _retyped(loss: Loss, what: Retyped, column: SchemaObject | None) -> Loss | None:
    """The loss that a type change causes, with the query that counts the altered values.

    None if the conversion cannot alter a value silently.
    """
    old, new = type_from(column.attributes.get("type", "")) if column else None, what.new
    about = f" from {old} to {new}" if old and old.name else f" to {new}"
    if what.computed:
        return replace(loss, what=replace(what, only_some=True), about=about)
    if old is None or not cuts(old, new, explicit=what.explicit):
        return None
    # only built-in types are compared, so the query cannot run code of the migration
    back = f"{what.column}::{new}::{old}"
    query = f"select pg_catalog.count(*) from {what.name} where {back} is distinct from {what.column}"  # noqa: S608 - names are quoted
    return replace(loss, query=query, about=about)


def _moved(changes: Changes) -> set[Name]:
    """Tables that disappear under one name and appear under another with the same columns."""
    added = [change.object for change in changes if isinstance(change, Added)]
    new = {_columns(each, added): each for each in added if each.kind in _WHOLE}
    removed = [change.object for change in changes if isinstance(change, Removed)]
    return {name_of(each.name) for each in removed if each.kind in _WHOLE and _columns(each, removed) in new}


def _columns(table: SchemaObject, among: list[SchemaObject]) -> frozenset[tuple[str, str]]:
    own = {
        (name_of(c.name)[-1], c.attributes.get("type", "")) for c in among if c.kind == "column" and c.of == table.name
    }
    return frozenset(own) or frozenset({(table.name, "")})


def _parents(table: SchemaObject) -> list[str]:
    return table.attributes.get("inherits", "").split(", ")


def _gone(table: str, changes: Changes) -> bool:
    return any(isinstance(change, Removed) and change.object.name == table for change in changes)


def _by_change(steps: tuple[Step, ...], what: Destroyed) -> Loss:
    """Assigns a lost object to the last step that names the object, or to the plan's last step if no step names it."""
    word = name_of(what.column or what.name)[-1].lower()
    step = next((each for each in reversed(steps) if word in each.script.sql.lower()), steps[-1])
    return Loss(step.name, what, step.script.place(step.script.start_of(step.script.statements[0])))

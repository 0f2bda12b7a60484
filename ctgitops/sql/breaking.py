"""Finds incompatible schema changes in SQL: names that disappear, and columns and grants that become stricter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from ..lazy import dataclass
from .block_statements import Run, runs_of
from .column_type import ColumnType, narrows, type_in
from .guard import guarded
from .nodes import Node, commands, dropped_names, parts_of
from .schema_objects import (
    SORTS,
    Key,
    Routine,
    accepts_calls_of,
    columns_made,
    given_by_itself,
    inputs_of,
    key,
    objects_made,
    relation_key,
    routine_of,
)

if TYPE_CHECKING:
    from .parse import Tree


@dataclass(frozen=True)
class Break:
    """One incompatible schema change by a statement."""

    statement: int
    """The index of the statement in its file."""
    key: Key
    what: str
    """The change as text, such as `drops table orders`."""


@dataclass
class KnownObjects:
    """Facts about existing objects, from the files read so far."""

    made: set[Key] = field(default_factory=set)
    """New objects and columns. No code uses them yet."""
    valued: set[Key] = field(default_factory=set)
    """New columns that get a value by themselves, from a default or otherwise."""
    seen: set[Key] = field(default_factory=set)
    """Objects and columns that a file created."""
    types: dict[Key, ColumnType] = field(default_factory=dict)
    labels: dict[Key, tuple[str, ...]] = field(default_factory=dict)
    routines: dict[Key, tuple[Routine, ...]] = field(default_factory=dict)

    def forget_made(self) -> None:
        """Marks the files read so far as applied. Code may then use the objects that these files created."""
        self.made, self.valued = set(), set()

    def new(self, sort: str, at: Key) -> bool:
        """Whether the object is new. If it is, no code depends on a property of this sort yet."""
        return at[:2] in self.made or at in (self.valued if sort == "not null" else self.made)


@guarded("the incompatible changes")
def breaks_of(found: Iterable[Tree], known: KnownObjects) -> tuple[Break, ...]:
    """The incompatible changes of a file. Leaves out objects that the file itself creates. Updates `known`."""
    file = _File(known)
    for index, tree in enumerate(found):
        for run in runs_of(tree):
            file.read(index, run)
    return tuple(file.found.values())


@dataclass
class _File:
    """Reads the statements of one file in order."""

    known: KnownObjects
    found: dict[tuple[str, Key], Break] = field(default_factory=dict)
    dropped: dict[Key, tuple[Routine, ...]] = field(default_factory=dict)
    """Maps keys to the routines that the file drops."""

    def read(self, index: int, run: Run) -> None:
        """Adds the incompatible changes of one statement to `found`."""
        for sort, at, what, missing_ok in (*_gone(run), *self._stricter(run)):
            unsure = missing_ok or run.conditional
            if not self.known.new(sort, at) and (not unsure or at in self.known.seen) and not self._internal(at):
                self.found[sort, at] = Break(index, at, what)
            if sort == "name":
                self._forget(at)
        if run.kind == "DropStmt":
            self._note_routines(run.node)
        self._learn(index, run)

    def _internal(self, at: Key) -> bool:
        """Whether only triggers call the routine, because it returns `trigger` or `event_trigger`."""
        known = self.known.routines.get(at, ())
        return bool(known) and all(routine.returns in {"trigger", "event_trigger"} for routine in known)

    def _forget(self, at: Key) -> None:
        self.known.made.discard(at)
        self.known.seen.discard(at)
        self.known.types.pop(at, None)

    def _note_routines(self, node: Node) -> None:
        for item in node.get("objects", ()):
            call = item.get("ObjectWithArgs", {})
            at, inputs = key("routine", parts_of(call.get("objname", ()))), inputs_of(call)
            before = self.known.routines.pop(at, ())
            same = tuple(each for each in before if inputs in (None, each.inputs))
            self.dropped[at] = same or (() if inputs is None else (Routine(inputs),))

    def _stricter(self, run: Run) -> Iterator[_Gone]:
        table = run.node.get("relation", {})
        for command in commands(run.kind, run.node):
            at, definition = relation_key(table, command.get("name", "")), command.get("def", {})
            if command.get("subtype") == "AT_AlterColumnType":
                old, new = self.known.types.get(at), type_in(definition.get("ColumnDef", {}).get("typeName", {}))
                self.known.types[at] = new
                if old and narrows(old, new):
                    verb = "narrows" if old.family is new.family else "changes"
                    yield "type", at, f"{verb} the type of column {spelled_out(at)} from {old} to {new}", False
            elif command.get("subtype") == "AT_ColumnDefault" and definition and at in self.known.made:
                self.known.valued.add(at)
            yield from _requires(table, command)

    def _learn(self, index: int, run: Run) -> None:
        for at in objects_made(run.kind, run.node):
            self.known.made.add(at)
            self.known.seen.add(at)
            dropped = self.found.pop(("name", at), None)
            if run.kind == "CreateFunctionStmt":
                self._remade(index, at, run.node, dropped)
        for at, column in columns_made(run.kind, run.node):
            self.known.types[at] = type_in(column.get("typeName", {}))
            self.known.seen.add(at)
            if given_by_itself(column, nullable=False):
                self.known.valued.add(at)
        if run.kind in {"CreateEnumStmt", "AlterEnumStmt"}:
            self._labels(index, run.node)

    def _remade(self, index: int, at: Key, node: Node, dropped: Break | None) -> None:
        """Compares a new routine with the routine of the same name that this file dropped."""
        new, before = routine_of(node), self.dropped.get(at, ())
        if dropped and before and not any(accepts_calls_of(new, old) for old in before):
            what = f"changes the signature of function {spelled_out(at)} from {before[-1]} to {new}"
            self.found["signature", at] = Break(index, at, what)
        others = (each for each in self.known.routines.get(at, ()) if each.inputs != new.inputs)
        self.known.routines[at] = (*others, new)

    def _labels(self, index: int, node: Node) -> None:
        at, labels = key("type", parts_of(node.get("typeName", ()))), parts_of(node.get("vals", ()))
        before = self.known.labels.get(at, ())
        if "newVal" in node:
            self.known.labels[at] = (*(each for each in before if each != node.get("oldVal")), node["newVal"])
            return
        for label in before:
            if label not in labels:
                self.found["label", (*at, label)] = Break(
                    index, at, f"removes value '{label}' from enum {spelled_out(at)}"
                )
        self.known.labels[at] = labels


_Gone = tuple[str, Key, str, bool]
"""The sort of change, the object's key, the change as text, and whether the object may be missing (IF EXISTS)."""


def _gone(run: Run) -> Iterator[_Gone]:
    if judge := _JUDGES.get(run.kind):
        yield from judge(run.node)


def _dropped(node: Node) -> Iterator[_Gone]:
    kind = node.get("removeType", "").removeprefix("OBJECT_")
    for names in dropped_names(node) if kind in SORTS else ():
        at = key(SORTS[kind], names)
        yield "name", at, f"drops {_word(kind)} {spelled_out(at)}", bool(node.get("missing_ok"))


def _altered(node: Node) -> Iterator[_Gone]:
    for command in commands("AlterTableStmt", node):
        if command.get("subtype") == "AT_DropColumn":
            at = relation_key(node.get("relation", {}), command.get("name", ""))
            yield "name", at, f"drops column {spelled_out(at)}", bool(command.get("missing_ok"))


def _requires(table: Node, command: Node) -> Iterator[_Gone]:
    """The columns for which the statement newly requires a value."""
    match command.get("subtype"):
        case "AT_SetNotNull":
            at = relation_key(table, command.get("name", ""))
        case "AT_AddConstraint" if command.get("def", {}).get("Constraint", {}).get("contype") == "CONSTR_NOTNULL":
            at = relation_key(table, parts_of(command["def"]["Constraint"].get("keys", ()))[0])
        case "AT_AddColumn" if not given_by_itself(column := command.get("def", {}).get("ColumnDef", {})):
            at = relation_key(table, column.get("colname", ""))
        case _:
            return
    yield "not null", at, f"requires a value in column {spelled_out(at)} (NOT NULL)", False


def _renamed(node: Node) -> Iterator[_Gone]:
    kind = node.get("renameType", "").removeprefix("OBJECT_")
    if kind in {"COLUMN", "ATTRIBUTE"}:
        at = relation_key(node.get("relation", {}), node.get("subname", ""))
    elif kind in SORTS:
        at = key(SORTS[kind], names_in(node) or (node.get("subname", ""),))
    else:
        return
    what = f"renames {_word(kind)} {spelled_out(at)} to {node.get('newname', '')}"
    yield "name", at, what, bool(node.get("missing_ok"))


def _moved(node: Node) -> Iterator[_Gone]:
    kind = node.get("objectType", "").removeprefix("OBJECT_")
    if kind in SORTS:
        at = key(SORTS[kind], names_in(node))
        what = f"moves {_word(kind)} {spelled_out(at)} to schema {node.get('newschema', '')}"
        yield "name", at, what, bool(node.get("missing_ok"))


def _enum(node: Node) -> Iterator[_Gone]:
    if old := node.get("oldVal"):
        at = key("type", parts_of(node.get("typeName", ())))
        yield "label", at, f"renames value '{old}' of enum {spelled_out(at)}", False


def _revoked(node: Node) -> Iterator[_Gone]:
    """The privileges that REVOKE takes from named roles. Only the database shows which privileges PUBLIC has."""
    kind = node.get("objtype", "").removeprefix("OBJECT_")
    if node.get("is_grant") or node.get("grant_option") or node.get("targtype") != "ACL_TARGET_OBJECT":
        return
    roles = [role for item in node.get("grantees", ()) if (role := item.get("RoleSpec", {}).get("rolename"))]
    rights = [item.get("AccessPriv", {}).get("priv_name", "") for item in node.get("privileges", ())]
    for names in _granted(node) if kind in SORTS else ():
        at = key(SORTS[kind], names)
        for role in roles:
            what = f"revokes {', '.join(rights) or 'all privileges'} on {_word(kind)} {spelled_out(at)} from {role}"
            yield f"grant {role}", at, what, False


def _granted(node: Node) -> Iterator[tuple[str, ...]]:
    for item in node.get("objects", ()):
        if table := item.get("RangeVar"):
            yield tuple(filter(None, (table.get("schemaname"), table.get("relname"))))
        else:
            yield from dropped_names({"objects": [item]})


def _domain(node: Node) -> Iterator[_Gone]:
    if node.get("subtype") == "O":
        at = key("type", parts_of(node.get("typeName", ())))
        yield "not null", at, f"requires a value in domain {spelled_out(at)} (NOT NULL)", False


def names_in(node: Node) -> tuple[str, ...]:
    """The name of the object that a RENAME or SET SCHEMA changes."""
    table = node.get("relation", {})
    if "relname" in table:
        return tuple(filter(None, (table.get("schemaname"), table["relname"])))
    return next(dropped_names({"objects": [node.get("object", {})]}), ())


def spelled_out(at: Key) -> str:
    """The name without quotes, such as `orders.note`."""
    return ".".join(part for part in at[1:] if part)


def _word(kind: str) -> str:
    words = {"MATVIEW": "materialized view", "ATTRIBUTE": "attribute", "ROUTINE": "function"}
    return words.get(kind, kind.lower().replace("_", " "))


_JUDGES: dict[str, Callable[[Node], Iterator[_Gone]]] = {
    "DropStmt": _dropped,
    "AlterTableStmt": _altered,
    "RenameStmt": _renamed,
    "AlterObjectSchemaStmt": _moved,
    "AlterEnumStmt": _enum,
    "GrantStmt": _revoked,
    "AlterDomainStmt": _domain,
}

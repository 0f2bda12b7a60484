"""The definition of the table that an expand changes, read from a schema snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ...errors import UsageError
from ...sql.tokens import Kind, code_words, tokens
from ..schema.snapshot import SchemaObject, Snapshot
from .change import FormChange, NewColumn, name_as_sql, qualified_as_sql, unquoted

_MENTIONING = (
    "view",
    "materialized view",
    "policy",
    "rule",
    "trigger",
    "function",
    "procedure",
    "statistics",
    "publication",
    "column",
)
"""The kinds of objects that may depend on a column, and that expand does not copy."""
TRIGGER = "zz_expand"
"""The start of the names of the triggers. BEFORE triggers fire by name, and this one must see the others' values."""
_TEXTS = ("definition", "using", "with_check", "body", "generated", "arguments", "tables")
_SINCE_INVOKER = 15
"""The first major version whose views can check the rights of the user who queries them."""


@dataclass(frozen=True)
class TableDefinition:
    """A table, with the parts of its schema that the new form needs."""

    snapshot: Snapshot
    change: FormChange
    table: SchemaObject

    @cached_property
    def name(self) -> str:
        """The table's qualified name, as SQL."""
        return qualified_as_sql(self.change.schema, self.change.table)

    @cached_property
    def columns(self) -> dict[str, SchemaObject]:
        """The columns by unquoted name."""
        return {unquoted(each.name)[-1]: each for each in self.parts("column")}

    @property
    def column(self) -> SchemaObject:
        """The column of the old form."""
        return self.columns[self.change.column]

    @property
    def has_invoker_views(self) -> bool:
        """Whether the server supports views with `security_invoker`. An unknown version counts as a current one."""
        return not 0 < self.snapshot.about.major < _SINCE_INVOKER

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key, as SQL. Empty without a primary key."""
        found = (each.attributes.get("definition", "") for each in self.parts("constraint"))
        primary = next((text for text in found if text.startswith("PRIMARY KEY")), "")
        return tuple(map(name_as_sql, _listed(primary.partition("(")[2])))

    def parts(self, kind: str) -> tuple[SchemaObject, ...]:
        """The parts of the table of one kind, such as its constraints."""
        return tuple(each for each in self.snapshot.objects if each.kind == kind and each.of == self.table.name)

    def bare(self, part: SchemaObject) -> str:
        """The name of a part of the table, as SQL, without the table's name."""
        return part.name.removeprefix(f"{self.table.name}.")

    def names_column(self, text: str) -> bool:
        """Whether a definition of a part of the table has the name of the old column after the first bracket.

        The name may mean something else, such as a function or a type.
        """
        return self.change.column in code_words(text.partition("(")[2])

    @cached_property
    def dependents(self) -> tuple[str, ...]:
        """The objects that may use the old column and that expand does not copy, such as `view public.v`."""
        return tuple(self._dependents()) if self.change.column else ()

    def _dependents(self) -> Iterator[str]:
        for each in self.snapshot.objects:
            words = code_words(" ".join(each.attributes.get(key, "") for key in _TEXTS))
            own = each.of == self.table.name
            if each.kind not in _MENTIONING or self.change.column not in words:
                continue
            if own or self.change.table in words:
                yield str(each)


def definition_of(change: FormChange, snapshot: Snapshot) -> TableDefinition:
    """The definition of the table in a snapshot. Raises UsageError if the change is not supported for the table."""
    found = [each for each in snapshot.objects if unquoted(each.name) == (change.schema, change.table) and not each.of]
    table = next((each for each in found if each.kind in {"table", "view", "materialized view", "foreign table"}), None)
    named = qualified_as_sql(change.schema, change.table)
    if table is None:
        hint = f"use the name as in the schema: {_near(change, snapshot) or 'the schema has no table'}"
        raise UsageError(f"the table {named} does not exist", state="no file was written", hint=hint)
    definition = TableDefinition(snapshot, change, table)
    if change.column and change.column not in definition.columns:
        hint = f"the table has the columns {', '.join(definition.columns)}"
        raise UsageError(f"{named} has no column {change.column}", state="no file was written", hint=hint)
    if why := next(_refusals(definition), ""):
        hint = "write the migrations by hand: docs/expand_contract.md#not-supported"
        raise UsageError(why, state="no file was written", hint=hint)
    return definition


def _near(change: FormChange, snapshot: Snapshot) -> str:
    tables = [each.name for each in snapshot.objects if each.kind == "table"]
    same = [name for name in tables if unquoted(name)[-1] == change.table]
    return ", ".join((same or tables)[:5])


def _refusals(definition: TableDefinition) -> Iterator[str]:
    """Why the change is not supported for this table."""
    change, attributes, name = definition.change, definition.table.attributes, definition.name
    if definition.table.kind != "table":
        yield f"{name} is a {definition.table.kind}, not a table"
    children = [each for each in definition.snapshot.objects if definition.table.name in _parents(each)]
    if {"partition_key", "partition_bound", "inherits", "of_type"} & set(attributes) or children:
        yield f"{name} is partitioned, inherits or is typed"
    if change.renamed_to:
        yield from _table_refusals(definition)
    elif change.new:
        yield from _column_refusals(definition)
    elif "not_null" in definition.column.attributes:
        yield f"{name}.{change.column} is already NOT NULL"
    elif "generated" in definition.column.attributes:
        yield f"{name}.{change.column} is generated"


def _table_refusals(definition: TableDefinition) -> Iterator[str]:
    change, new = definition.change, (definition.change.schema, definition.change.renamed_to)
    if any(unquoted(each.name) == new and not each.of for each in definition.snapshot.objects):
        yield f"{qualified_as_sql(*new)} already exists"
    if not definition.has_invoker_views and "row_security" in definition.table.attributes:
        major = definition.snapshot.about.major
        yield (
            f"{qualified_as_sql(change.schema, change.table)} has row-level security, and a view of PostgreSQL {major} "
            "would not apply it to the user who queries it"
        )


def _column_refusals(definition: TableDefinition) -> Iterator[str]:
    change, column = definition.change, definition.column.attributes
    what = f"{definition.name}.{change.column}"
    for new in change.new:
        if new.name in definition.columns:
            yield f"{definition.name} already has a column {new.name}"
    facts = {
        "an identity column": "identity" in column,
        "generated": "generated" in column,
        "filled from a sequence, which is dropped with the column": "nextval(" in column.get("default", ""),
    }
    yield from (f"{what} is {fact}" for fact, found in facts.items() if found)
    for each in definition.parts("constraint"):
        text = each.attributes.get("definition", "")
        if text.startswith(("PRIMARY KEY", "EXCLUDE")) and definition.names_column(text):
            yield f"{what} is part of the constraint {definition.bare(each)}: {text}"
    for name in _referencing(definition):
        yield f"{what} is referenced by the foreign key {name}"
    yield from _identity_refusals(definition)
    yield from _trigger_refusals(definition)
    if change.kind == "change type":
        yield from _zone_refusals(definition, change.new[0])


def _identity_refusals(definition: TableDefinition) -> Iterator[str]:
    what = f"{definition.name}.{definition.change.column}"
    identity = unquoted(definition.table.attributes.get("replica_identity", ""))[-1:]
    for each in (*definition.parts("index"), *definition.parts("constraint")):
        if unquoted(each.name)[-1:] == identity and definition.names_column(each.attributes.get("definition", "")):
            yield f"{what} is part of the replica identity {definition.bare(each)}, which is dropped with the column"


def _zone_refusals(definition: TableDefinition, new: NewColumn) -> Iterator[str]:
    change, kind = definition.change, definition.column.attributes["type"]
    cast = new.using == name_as_sql(change.column) or not change.back
    if cast and _has_zone(new.type) != _has_zone(kind):
        yield (
            f"a cast between {kind} and {new.type} depends on the TimeZone of each session: add `using` and `back` "
            "with a fixed time zone, such as `at time zone 'UTC'`"
        )


def _has_zone(kind: str) -> bool:
    """Whether a type is `timestamp with time zone`."""
    return kind.lower().startswith("timestamp") and ("with time zone" in kind.lower() or "tz" in kind.lower())


def _trigger_refusals(definition: TableDefinition) -> Iterator[str]:
    """The triggers that would change a row after the trigger of the expand, or that keep the column in step already."""
    for each in definition.parts("trigger"):
        name, text = unquoted(definition.bare(each))[-1], each.attributes.get("definition", "")
        if name.startswith(f"{TRIGGER}_"):
            words = code_words(_body_of(definition, text))
            if definition.change.column in words:
                yield f"the trigger {name} of another expand sets {definition.change.column}: apply its contract first"
        elif " BEFORE " in text and " FOR EACH ROW " in text and name.encode() > TRIGGER.encode():
            yield f"the BEFORE trigger {name} fires after the trigger {TRIGGER}_…: rename it, as triggers fire by name"


def _body_of(definition: TableDefinition, trigger: str) -> str:
    """The body of a trigger's function."""
    name = trigger.rpartition("EXECUTE FUNCTION ")[2]
    found = (each for each in definition.snapshot.objects if each.kind == "function" and each.name == name)
    return next((each.attributes.get("body", "") for each in found), "")


def _referencing(definition: TableDefinition) -> Iterator[str]:
    """The foreign keys that reference the old column."""
    start = f" REFERENCES {definition.table.name}("
    for each in definition.snapshot.objects:
        text = each.attributes.get("definition", "") if each.kind == "constraint" else ""
        if definition.change.column in _listed(text.partition(start)[2]):
            yield each.name


def _listed(text: str) -> Iterator[str]:
    """The names up to the first closing bracket, unquoted."""
    for token in tokens(text):
        if token.kind is Kind.OTHER and text[token.start : token.end] == ")":
            return
        if token.kind is Kind.NAME:
            yield text[token.inside : token.until].replace('""', '"')
        elif token.kind is Kind.WORD:
            yield text[token.start : token.end]


def _parents(each: SchemaObject) -> tuple[str, ...]:
    return tuple(each.attributes.get("inherits", "").split(", "))

"""Makes a squashed file from what the migrations leave in an empty database, and proves it equal. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import Place, WorkspaceError
from ...sql.databases import databases_named

if TYPE_CHECKING:
    from ..plan.plan import Step
    from ..schema.contents import Contents, Row, StoredColumn, TableRows

UNWRITTEN = "nothing was written"
_SAME = "make the migrations give the same result each time"
_BEFORE_THEM = "squash only the migrations before: `ctgitops squash --to NNN`"
_ROWS_AT_ONCE = 500
_OUTSIDE_SCHEMA = {
    "AlterSystemStmt": "ALTER SYSTEM",
    "AlterRoleSetStmt": "ALTER ROLE … SET",
    "CreatedbStmt": "CREATE DATABASE",
    "DropdbStmt": "DROP DATABASE",
    "CreateTableSpaceStmt": "CREATE TABLESPACE",
    "CreateSubscriptionStmt": "CREATE SUBSCRIPTION",
    "SecLabelStmt": "SECURITY LABEL",
}
"""Statements whose effect pg_dump does not write, or that a migration must not repeat."""
_BEFORE = """-- These settings end with the transaction.
set local search_path = '';
set local check_function_bodies = off;
set local xmloption = content;
set local datestyle = 'ISO, MDY';
set local intervalstyle = 'postgres';
set local lc_monetary = 'C';
set local standard_conforming_strings = on;
"""
_AFTER = """set local search_path to default;
set local check_function_bodies to default;
set local xmloption to default;
set local datestyle to default;
set local intervalstyle to default;
set local lc_monetary to default;
set local standard_conforming_strings to default;
"""
_WRITES = frozenset({"InsertStmt", "UpdateStmt", "DoStmt", "MergeStmt", "CreateTableAsStmt", "SelectStmt", "CallStmt"})


@dataclass(frozen=True)
class KeptTable:
    """A table whose rows a squashed file contains, and the columns that their defaults fill instead."""

    rows: TableRows
    columns: tuple[StoredColumn, ...]
    defaulted: tuple[StoredColumn, ...] = ()


def refuse_outside_schema(steps: Iterable[Step]) -> None:
    """Raises WorkspaceError for a statement whose effect is not in the schema or the rows of a database."""
    for step in steps:
        for statement in step.script.statements:
            text = step.script.text_of(statement)
            said = _OUTSIDE_SCHEMA.get(statement.kind, "")
            if not said and databases_named(text):
                said = "a statement that names a database"
            if said:
                place = step.script.place(step.script.start_of(statement))
                what = f"{said} has an effect outside the schema, which a squashed file cannot have"
                raise WorkspaceError(what, place=place, state=UNWRITTEN, hint=_before(step))


def _before(step: Step) -> str:
    return f"squash only the migrations before {step.number:03}: `ctgitops squash --to NNN`"


def kept_tables(first: Contents, second: Contents, steps: tuple[Step, ...]) -> tuple[KeptTable, ...]:
    """The rows to write. Raises WorkspaceError unless two replays of the migrations leave the same contents.

    A column whose values differ is left to its default if the default is not constant, such as `now()`.
    """
    for one, other in ((first.before_rows, second.before_rows), (first.after_rows, second.after_rows)):
        if one != other:
            text = next((a for a, b in zip(one, other, strict=False) if a != b), (one + other)[-1])
            what = f"two replays of the migrations give different schemas: `{' '.join(text.split())[:200]}`"
            raise WorkspaceError(what, state=UNWRITTEN, hint=_SAME)
    others = {table.name: table for table in second.tables}
    if missing := others.keys() ^ {table.name for table in first.tables}:
        raise _not_the_same(min(missing), "", steps)
    if first.sequences != second.sequences:
        name = next(a[0] for a, b in zip(first.sequences, second.sequences, strict=False) if a != b)
        what = f"two replays of the migrations leave the sequence {name} at different positions"
        raise WorkspaceError(what, state=UNWRITTEN, hint=_SAME)
    return tuple(_kept(table, others[table.name], steps) for table in first.tables)


def _kept(table: TableRows, other: TableRows, steps: tuple[Step, ...]) -> KeptTable:
    differing = table.differing(other)
    if wrong := [column.name for column in differing if not column.fills_itself]:
        raise _not_the_same(table.name, ", ".join(wrong), steps)
    kept = tuple(column for column in table.columns if column not in differing)
    if table.only(kept) != other.only(kept):
        raise _not_the_same(table.name, "", steps)
    return KeptTable(table, kept, differing)


def _not_the_same(table: str, columns: str, steps: tuple[Step, ...]) -> WorkspaceError:
    where, step = _writer(table, steps)
    column = f" in {columns}" if columns else ""
    what = f"two replays of the migrations leave different rows in {table}{column}, so no file can contain the rows"
    hint = "write constants instead of random values and times, or move the rows to a seed file"
    return WorkspaceError(what, place=where, state=UNWRITTEN, hint=f"{hint}; or {_before(step)}" if step else hint)


def _writer(table: str, steps: tuple[Step, ...]) -> tuple[Place | None, Step | None]:
    """The first statement that writes rows and has the table's name, and its step."""
    name = re.compile(rf"(?<!\w){re.escape(table.rpartition('.')[2].strip(chr(34)))}(?!\w)", re.IGNORECASE)
    for step in steps:
        for statement in step.script.statements:
            if statement.kind in _WRITES and name.search(step.script.text_of(statement)):
                return step.script.place(step.script.start_of(statement)), step
    return None, None


def squashed_sql(empty: Contents, filled: Contents, tables: tuple[KeptTable, ...]) -> str:
    """The SQL that gives a database that is like `empty` the contents of `filled`. The same input gives equal text.

    The rows come before foreign keys, triggers and policies, as in pg_dump. So no order of the tables is necessary.
    """
    if filled.large_objects:
        what = f"the migrations create {filled.large_objects} large objects, which a squashed file cannot contain"
        raise WorkspaceError(what, state=UNWRITTEN, hint=_BEFORE_THEM)
    known = {*empty.before_rows, *empty.after_rows}
    parts = [
        *(f"{each};\n" for each in filled.roles),
        *(f"{each};\n" for each in filled.before_rows if each not in known),
        *(text for table in tables for text in _inserts(table)),
        *(_position(*each) for each in filled.sequences),
        *(f"{each};\n" for each in filled.after_rows if each not in known),
        *(f"refresh materialized view {each};\n" for each in filled.populated),
    ]
    return "\n".join((_BEFORE, *parts, _AFTER))


def _position(name: str, last: str, called: str) -> str:
    literal = name.replace("'", "''")
    return f"select pg_catalog.setval('{literal}', {last}, {called});\n"


def _inserts(table: KeptTable) -> Iterator[str]:
    rows = table.rows.only(table.columns)
    if not table.columns:
        yield from (f"insert into {table.rows.name} default values;\n" for _ in rows)
        return
    names = ", ".join(column.name for column in table.columns)
    always = " overriding system value" if any(column.always for column in table.columns) else ""
    for at in range(0, len(rows), _ROWS_AT_ONCE):
        values = ",\n".join(f"    ({', '.join(row)})" for row in rows[at : at + _ROWS_AT_ONCE])
        yield f"insert into {table.rows.name} ({names}){always} values\n{values};\n"


def differences(filled: Contents, made: Contents, tables: tuple[KeptTable, ...]) -> tuple[str, ...]:
    """How the contents that the squashed file gives differ from those of the migrations, without the schema."""
    found = [*_in_rows(made, tables)]
    found += [f"the sequence {a[0]}" for a in filled.sequences if a not in made.sequences]
    hashes = set(filled.of_extensions) ^ set(made.of_extensions)
    found += [f"the rows of {name}, a table of an extension" for name, _ in hashes]
    found += [f"the materialized view {name}" for name in filled.populated if name not in made.populated]
    found += [f"the {name}" for name, _ in set(filled.shared) ^ set(made.shared)]
    if filled.server.fingerprint != made.server.fingerprint:
        names = {each.key: each for each in filled.server.objects}
        others = {each.key: each for each in made.server.objects}
        keys = [key for key in {**names, **others} if names.get(key) != others.get(key)]
        found += [f"the {(names.get(key) or others[key]).kind} {(names.get(key) or others[key]).name}" for key in keys]
    return tuple(sorted(set(found)))


def _in_rows(made: Contents, tables: tuple[KeptTable, ...]) -> Iterator[str]:
    others = {table.name: table for table in made.tables}
    for table in tables:
        other = others.pop(table.rows.name, None)
        if other is None or table.rows.only(table.columns) != _same_columns(other, table.columns):
            yield f"the rows of {table.rows.name}"
    yield from (f"the rows of {name}" for name in others)


def _same_columns(table: TableRows, columns: tuple[StoredColumn, ...]) -> list[Row]:
    return table.only(columns) if set(columns) <= set(table.columns) else []

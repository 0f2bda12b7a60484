"""Builds lint's model of the schema from a snapshot of a live database. Generates SQL, parses it, and applies it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ..lazy import regex
from ..sql.guard import Guard
from ..sql.parse import SqlSyntaxError, Tree, trees
from .catalog import Catalog
from .fold import apply
from .fold.access import API_ROLES

if TYPE_CHECKING:
    from ..core.schema.snapshot import SchemaObject, Snapshot

_TAG = "$ctgitops$"
_NAME = regex(r'(?:"(?:[^"]|"")*"|[^("])+')
"""Matches the name of a function, without the types of its arguments."""
_ATOMIC = regex(r"\s*(?:begin\s+atomic|return)\b", re.IGNORECASE)
_RELATIONS = ("table", "foreign table", "materialized view", "view")


def catalog_of(snapshot: Snapshot) -> Catalog:
    """Builds the catalog of a live database. All its objects are in use."""
    catalog = Catalog(complete=True)
    guard = Guard()
    for tree in _readable(list(_written(snapshot))):
        guard.value("an object of the schema", partial(apply, catalog, tree.kind, tree.node), None)
    catalog.complete = not guard.failures
    catalog.path = _path(snapshot)
    catalog.major = snapshot.about.major
    catalog.settle()
    return catalog


def _path(snapshot: Snapshot) -> tuple[str, ...]:
    words = [part.strip().strip('"') for part in snapshot.about.search_path.split(",")]
    return tuple(word for word in words if word and word != "$user") or ("public",)


def _readable(written: list[str]) -> Iterator[Tree]:
    """Parses all statements in one call.

    If a statement has a syntax error, parses each statement separately, and leaves out statements with an error.
    """
    try:
        yield from trees(";\n".join(written))
    except SqlSyntaxError:
        for sql in written:
            with suppress(SqlSyntaxError):
                yield from trees(sql)


def _written(snapshot: Snapshot) -> Iterator[str]:
    by_kind: dict[str, list[SchemaObject]] = defaultdict(list)
    columns: dict[str, list[SchemaObject]] = defaultdict(list)
    for each in snapshot.objects:
        by_kind[each.kind].append(each)
        if each.kind == "column":
            columns[each.of].append(each)
    domains = [each for each in by_kind["domain"] if each.attributes.get("base")]
    yield from (_domain(each) for each in domains)
    for each in sorted((o for kind in _RELATIONS for o in by_kind[kind]), key=lambda o: "inherits" in o.attributes):
        yield from _relation(each, columns[each.name])
    yield from (sql for each in by_kind["table"] for sql in _place(each))
    names = {each.name for each in domains}
    for each in by_kind["constraint"]:
        what = "domain" if each.of in names else "table"
        name = each.name.removeprefix(f"{each.of}.")
        yield f"alter {what} {each.of} add constraint {name} {each.attributes.get('definition', '')}"
    yield from (each.attributes.get("definition", "") for each in by_kind["index"])
    for each in (*by_kind["index"], *by_kind["constraint"]):
        if "clustered" in each.attributes:
            yield f"alter table {each.of} cluster on {each.name.rpartition('.')[2]}"
    for each in by_kind["policy"]:
        yield _policy(each)
    yield from dict.fromkeys(sql for each in by_kind["default privileges"] for sql in _default_privileges(each))
    yield from dict.fromkeys(sql for each in by_kind["grant"] for sql in _grant(each))
    yield from (function_sql(each) for kind in ("function", "procedure") for each in by_kind[kind])


def _policy(each: SchemaObject) -> str:
    attributes = each.attributes
    kind = "restrictive" if "restrictive" in attributes else "permissive"
    name = each.name.removeprefix(f"{each.of}.")
    return (
        f"create policy {name} on {each.of} as {kind} for {attributes.get('command', 'all')} "
        f"to {attributes.get('roles', 'public')}"
    )


def _default_privileges(each: SchemaObject) -> Iterator[str]:
    """Keeps only those for functions, and leaves out the role and the schema, which the model does not have."""
    objects, _, grantee = each.name.rpartition(" to ")
    if objects.endswith(" on functions"):
        yield f"alter default privileges grant execute on functions to {grantee}"


def _grant(each: SchemaObject) -> Iterator[str]:
    """A grant to the role. Any grant tells the model that the role exists."""
    grantee = each.name.rpartition(" to ")[2]
    if grantee in API_ROLES:
        yield f"grant usage on schema public to {grantee}"


def _domain(each: SchemaObject) -> str:
    default = each.attributes.get("default")
    not_null = " not null" if each.attributes.get("not_null") else ""
    return f"create domain {each.name} as {each.attributes['base']}{f' default {default}' if default else ''}{not_null}"


def _relation(each: SchemaObject, columns: list[SchemaObject]) -> Iterator[str]:
    if each.kind in {"view", "materialized view"}:
        options = f" with ({options})" if (options := each.attributes.get("options")) else ""
        yield f"create {each.kind} {each.name}{options} as {each.attributes.get('definition', 'select 1').rstrip(';')}"
        return
    attributes = each.attributes
    key = f" partition by {attributes['partition_key']}" if "partition_key" in attributes else ""
    unlogged = "unlogged " if attributes.get("persistence") == "unlogged" else ""
    inside = ", ".join(_column(each.name, column) for column in columns)
    if each.kind == "foreign table":
        yield f"create foreign table {each.name} ({inside}) server s"
        return
    yield f"create {unlogged}table {each.name} ({inside}){key}"
    if type_ := attributes.get("of_type"):
        yield f"alter table {each.name} of {type_}"
    for word in ("access method", "tablespace"):
        if name := attributes.get(word.replace(" ", "_")):
            yield f"alter table {each.name} set {word} {name}"
    if attributes.get("row_security", "").startswith("enabled"):
        yield f"alter table {each.name} enable row level security"
    if attributes.get("row_security", "").endswith("forced"):
        yield f"alter table {each.name} force row level security"


def _place(each: SchemaObject) -> Iterator[str]:
    """The ATTACH PARTITION statement of a partition, which must follow all CREATE TABLE statements."""
    bound, parent = each.attributes.get("partition_bound"), each.attributes.get("inherits")
    if bound and parent:
        yield f"alter table {parent} attach partition {each.name} {bound}"


def _column(table: str, column: SchemaObject) -> str:
    name = column.name.removeprefix(f"{table}.")
    not_null = " not null" if column.attributes.get("not_null") == "yes" else ""
    collation = f" collate {name_}" if (name_ := column.attributes.get("collation")) else ""
    how, _, expression = column.attributes.get("generated", "").partition(" ")
    generated = f" generated always as ({expression}) {how}" if how else ""
    default = f" default {value}" if (value := column.attributes.get("default")) else ""
    identity = f" generated {when} as identity" if (when := column.attributes.get("identity")) else ""
    return f"{name} {column.attributes.get('type', 'text')}{collation}{default}{identity}{generated}{not_null}"


def function_sql(each: SchemaObject) -> str:
    """The CREATE FUNCTION or CREATE PROCEDURE of a live routine. Without a body if lint does not read its language."""
    attributes, procedure = each.attributes, each.kind == "procedure"
    language, name = attributes.get("language", "c"), _NAME.match(each.name)
    body = attributes.get("body", "") if language in {"sql", "plpgsql"} else ""
    quoted = f" as {_TAG}{body}{_TAG}" if _TAG not in body else ""
    if language == "sql" and _ATOMIC.match(body):
        quoted = f" {body}"
    head = f"{each.kind} {name[0] if name else ''}({attributes.get('arguments', '')})"
    definer = " security definer" if attributes.get("security") == "definer" else ""
    returns = "" if procedure else f" returns {attributes.get('returns', 'void')} {attributes.get('volatility', '')}"
    return f"create {head}{returns} language {language}{definer}{quoted}"

"""Copies of a column's indexes and constraints for the column of its new form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import UsageError
from ...sql.deparse import statement_as_sql
from ...sql.nodes import with_column_renamed
from ...sql.parse import SqlSyntaxError, trees
from .change import LONGEST_NAME, name_as_sql, shortened, unquoted
from .definition import TableDefinition


@dataclass(frozen=True)
class CopiedPart:
    """An index or constraint of the new column."""

    name: str
    """The name while both forms exist, as SQL."""
    original: str
    """The name of the copied part, as SQL."""
    create: str
    """The statement that creates the copy."""
    validates: bool = False
    """Whether a later migration validates the copy, because it is created as NOT VALID."""
    constraint: str = ""
    """The constraint that the index becomes, such as `UNIQUE USING INDEX`. Empty for an index."""


def derived_name(*words: str) -> str:
    """A name for an object of the expand. Unquoted, at most 63 bytes, different for different words."""
    full = "_".join(words)
    if len(full.encode()) <= LONGEST_NAME:
        return full
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()[:8]
    return f"{shortened(full, LONGEST_NAME - 9)}_{digest}"


def copied_indexes(definition: TableDefinition) -> Iterator[CopiedPart]:
    """The copies of the indexes and unique constraints that name the old column."""
    for each in definition.parts("index"):
        text = each.attributes.get("definition", "")
        if definition.names_column(text):
            original = unquoted(each.name)[-1]
            name = _own_name(definition, original)
            if sql := _index(definition, text, name):
                yield CopiedPart(name_as_sql(name), name_as_sql(original), sql)
    for each in definition.parts("constraint"):
        text = each.attributes.get("definition", "")
        if not text.startswith("UNIQUE") or not definition.names_column(text):
            continue
        original = unquoted(definition.bare(each))[-1]
        name = _own_name(definition, original)
        columns = text.removeprefix("UNIQUE ").partition(" DEFERRABLE")[0]
        nulls = " NULLS NOT DISTINCT" if columns.startswith("NULLS NOT DISTINCT ") else ""
        listed = columns.removeprefix("NULLS NOT DISTINCT ")
        sql = f"CREATE UNIQUE INDEX x ON {definition.name} {listed}{nulls}"
        after = f"UNIQUE USING INDEX {name_as_sql(name)}{text[len('UNIQUE ' + columns) :]}"
        if made := _index(definition, sql, name):
            yield CopiedPart(name_as_sql(name), name_as_sql(original), made, constraint=after)


def copied_constraints(definition: TableDefinition) -> Iterator[CopiedPart]:
    """The copies of the CHECK constraints and foreign keys that name the old column, as NOT VALID."""
    for each in definition.parts("constraint"):
        text = each.attributes.get("definition", "")
        if not text.startswith(("CHECK", "FOREIGN KEY")) or not definition.names_column(text):
            continue
        original = unquoted(definition.bare(each))[-1]
        name = _own_name(definition, original)
        sql = f"ALTER TABLE {definition.name} ADD CONSTRAINT {name_as_sql(name)} {text.removesuffix(' NOT VALID')}"
        if copy := _renamed(definition, sql):
            yield CopiedPart(name_as_sql(name), name_as_sql(original), f"{copy} NOT VALID;", validates=True)


def _own_name(definition: TableDefinition, original: str) -> str:
    return derived_name(original, definition.change.new[0].name)


def _index(definition: TableDefinition, sql: str, name: str) -> str:
    made = _renamed(definition, sql, idxname=name, concurrent=True)
    return f"{made};" if made else ""


def _renamed(definition: TableDefinition, sql: str, **values: Any) -> str:
    """The statement for the new column. `values` are set in the tree of the statement.

    Empty if the statement does not use the old column: its name can be that of a type or function in the statement.
    """
    old, new = definition.change.column, definition.change.new[0].name
    try:
        (tree,) = trees(sql)
        node = _with_key_renamed(with_column_renamed(tree.node, old, new), old, new)
        if node == tree.node:
            return ""
        found = statement_as_sql({tree.kind: node | values})
    except SqlSyntaxError:
        found = ""
    if not found:
        what = f"this part of {definition.name} cannot be copied for the new column: {sql}"
        hint = "write the migrations by hand: docs/expand_contract.md#not-supported"
        raise UsageError(what, state="no file was written", hint=hint)
    return found


def _with_key_renamed(node: Any, old: str, new: str) -> Any:
    """The tree with a column renamed where a key lists its name: in an index, or in a foreign key."""
    if isinstance(node, list):
        return [_with_key_renamed(item, old, new) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _with_key_renamed(value, old, new) for key, value in node.items()}
    if "IndexElem" in found and found["IndexElem"].get("name") == old:
        found["IndexElem"] = found["IndexElem"] | {"name": new}
    for key in {"fk_attrs", "fk_del_set_cols"} & set(found):
        text = json.dumps(found[key])
        found[key] = json.loads(text.replace(json.dumps({"sval": old}), json.dumps({"sval": new})))
    return found

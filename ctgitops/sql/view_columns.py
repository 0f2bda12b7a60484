"""Finds the column names of a view in the definition that PostgreSQL prints."""

from __future__ import annotations

from .nodes import parts_of
from .parse import SqlSyntaxError, trees


def view_columns(definition: str) -> tuple[str, ...]:
    """The names of the columns that the query returns. Empty if the definition cannot be parsed."""
    try:
        query = next((tree.node for tree in trees(definition)), {})
    except SqlSyntaxError:
        return ()
    while "larg" in query:
        query = query["larg"]
    targets = [item.get("ResTarget", {}) for item in query.get("targetList", ())]
    fields = [target.get("val", {}).get("ColumnRef", {}).get("fields", ()) for target in targets]
    names = [t.get("name") or (parts_of(own) or ("",))[-1] for t, own in zip(targets, fields, strict=True)]
    return tuple(names)

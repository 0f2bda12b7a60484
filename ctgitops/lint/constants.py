"""Evaluates expressions whose value is known before they run, and returns the value as text."""

from __future__ import annotations

from dataclasses import dataclass

from ..sql.nodes import Node, parts_of
from .catalog import Catalog
from .dynamic_sql import UNKNOWN, Values, texts
from .nodes import written


@dataclass(frozen=True)
class Constants:
    """Evaluates expressions from the catalog and the values of a block's variables."""

    catalog: Catalog
    values: Values

    def of(self, node: Node) -> str | None:
        """An expression's value as text; None if it is known only at run time."""
        cast, call = node.get("TypeCast", {}), node.get("FuncCall", {})
        if cast and parts_of(cast.get("typeName", {}).get("names", []))[-1:] == ("regclass",):
            name = self.of(cast.get("arg", {}))
            parts = (name or "").replace('"', "").rpartition(".")
            return written(self.catalog.full((parts[0], parts[2]))) if name else None
        if cast:
            return self.of(cast.get("arg", {}))
        called = parts_of(call.get("funcname", []))[-1:]
        if called == ("current_schema",):
            return next((each for each in self.catalog.path if each != "pg_temp"), None)
        if called == ("current_setting",) and self.of(call.get("args", [{}])[0]) == "server_version_num":
            return str(self.catalog.major * 10_000) if self.catalog.major else None
        return self._text(node)

    def _text(self, node: Node) -> str | None:
        if "A_Const" in node:
            constant = node["A_Const"]
            return next(
                (str(constant[k].get(k, 0 if k == "ival" else "")) for k in ("sval", "ival") if k in constant), None
            )
        name = ".".join(parts_of(node.get("ColumnRef", {}).get("fields", [])))
        known = self.values.get(name, ())
        said = texts(known[0], self.values) if len(known) == 1 else ()
        return said[0] if len(said) == 1 and UNKNOWN not in said[0] else None

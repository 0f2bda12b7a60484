"""The shape of a query plan: its scans, without costs and row counts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

LONGEST = 300


def shape_of(plan: object) -> str:
    """The scans of a plan in EXPLAIN's JSON format, such as `Index Scan on a using a_pkey`. Empty if it has none."""
    root = plan[0] if isinstance(plan, list) and plan else plan
    if not isinstance(root, Mapping):
        return ""
    scans = ", ".join(_scans(root.get("Plan", {})))
    return scans if len(scans) <= LONGEST else f"{scans[: LONGEST - 1]}…"


def _scans(node: Mapping[str, Any]) -> Iterator[str]:
    left = [node]
    while left:
        each = left.pop(0)
        if index := each.get("Index Name"):
            on = f" on {each['Relation Name']}" if each.get("Relation Name") else ""
            yield f"{each.get('Node Type', '')}{on} using {index}"
        elif each.get("Relation Name") and each.get("Node Type") not in {"ModifyTable", "Bitmap Heap Scan"}:
            yield f"{each.get('Node Type', '')} on {each['Relation Name']}"
        left = [*each.get("Plans", ()), *left]

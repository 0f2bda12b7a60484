"""The shape of a query plan as lines: nodes, relations, indexes and join order, without costs and estimates. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_LINES = 60
DEEPEST = 200
_INDEX = re.compile(r" using .*")


@dataclass(frozen=True)
class PlanChange:
    """A statement whose plan has another shape after the migrations."""

    statement: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def only_indexes(self) -> bool:
        """Whether the plans differ only in the names of indexes."""
        return [_INDEX.sub("", line) for line in self.before] == [_INDEX.sub("", line) for line in self.after]


def plan_lines(plan: object) -> tuple[str, ...]:
    """The lines of a plan in the JSON format of EXPLAIN with VERBOSE. Empty for an unknown document."""
    root = plan[0] if isinstance(plan, list) and plan else plan
    if not isinstance(root, Mapping) or not isinstance(root.get("Plan"), Mapping):
        return ()
    lines = tuple(_lines(root["Plan"]))
    return lines if len(lines) <= MOST_LINES else (*lines[:MOST_LINES], f"… {len(lines) - MOST_LINES} more nodes")


def _lines(root: Mapping[str, Any]) -> Iterator[str]:
    left: list[tuple[int, Mapping[str, Any]]] = [(0, root)]
    while left:
        depth, node = left.pop()
        yield f"{'  ' * min(depth, DEEPEST)}{_line(node)}"
        left += [(depth + 1, child) for child in reversed(node.get("Plans", ()))]


def _line(node: Mapping[str, Any]) -> str:
    kind = str(node.get("Node Type", ""))
    words = [kind if kind != "ModifyTable" else str(node.get("Operation", kind))]
    if (join := node.get("Join Type")) and join != "Inner":
        words.append(f"({join})")
    if relation := node.get("Relation Name"):
        schema, alias = node.get("Schema"), node.get("Alias", relation)
        words.append(f"on {schema}.{relation}" if schema else f"on {relation}")
        words += [] if alias == relation else [str(alias)]
    if index := node.get("Index Name"):
        words.append(f"using {index}" if node.get("Index Cond") or node.get("Order By") else f"on all of using {index}")
    return " ".join(words)

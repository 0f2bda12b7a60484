"""The plan of one query, as PostgreSQL made it in the trial: which relations it reads and changes, and how. Pure.

The copy has no rows, so the numbers of rows in a plan are PostgreSQL's defaults. What is used of a plan is its shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """One node of a plan."""

    kind: str
    """`Seq Scan`, `Hash Join`, …, as EXPLAIN names it."""
    relation: str = ""
    """The relation that it scans or changes; empty for PostgreSQL's own relations."""
    rows: float = 0
    """Its rows on the copy."""
    operation: str = ""
    """`Insert`, `Update`, `Delete` or `Merge` of a ModifyTable."""
    condition: str = ""
    """The condition with which it uses an index."""
    filter: str = ""
    repeated: bool = False
    """Whether it runs once for each row of its parent, or of the other side of the join."""
    once: bool = False
    """Whether it runs before its parent, which uses its result."""
    plain: bool = False
    """Whether it is an aggregate of one row, or a join without a condition."""
    fresh: bool = False
    """Whether the plan created the relation."""
    children: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

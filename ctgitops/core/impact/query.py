"""The plan of one query, from EXPLAIN in the trial: which relations the query reads and changes, and how. Pure.

The copy has no rows, so a plan's row counts are PostgreSQL's defaults. Only the shape of a plan is used.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...lazy import dataclass


@dataclass(frozen=True)
class Node:
    """One node of a plan."""

    kind: str
    """The node type in EXPLAIN: `Seq Scan`, `Hash Join`, …."""
    relation: str = ""
    """The relation that the node scans or changes. Empty for a relation of PostgreSQL itself."""
    rows: float = 0
    """PostgreSQL's estimate of the node's rows on the copy."""
    operation: str = ""
    """The operation of a ModifyTable node: `Insert`, `Update`, `Delete` or `Merge`."""
    condition: str = ""
    """The index condition. Empty if the node uses no index."""
    filter: str = ""
    repeated: bool = False
    """Whether the node runs once per row of its parent node, or per row of the other side of the join."""
    once: bool = False
    """Whether the node runs only once, before its parent node uses the node's result."""
    plain: bool = False
    """Whether the node is an aggregate that returns one row, or a join without a condition."""
    targets: tuple[str, ...] = ()
    """The tables that a ModifyTable node changes. Set only for a table with children or partitions."""
    fresh: bool = False
    """Whether the plan's migrations created the relation."""
    children: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """This node and all nodes below it."""
        yield self
        for child in self.children:
            yield from child.walk()

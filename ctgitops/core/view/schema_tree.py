"""The tree of schemas: each node is the schema after a sequence of applied migrations. Pure.

Ledgers that applied the same migrations in the same order share nodes. A rollback returns to an earlier node, or begins
a branch. Node 0 is the empty schema.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..ledger.ledger import CHANGES_NOTHING, Entry, Ledger, Mark

if TYPE_CHECKING:
    from ..schema.compare import Changes

EMPTY = 0
"""The ID of the node without migrations."""


@dataclass
class SchemaNode:
    """One schema, as the difference from its parent's schema."""

    id: int
    parent: int | None
    entry: Entry | None
    """The entry that applied the node's last migration. None for the empty schema."""
    changes: Changes | None = None
    """The changes from the parent's schema. None if the schema is unknown."""
    why_unknown: str = ""

    @property
    def known(self) -> bool:
        """Whether the node's changes from its parent are known."""
        return self.changes is not None


_Key = tuple[int | None, str, str | None, str | None]


@dataclass
class SchemaTree:
    """All schemas in the history of several ledgers, oldest first."""

    nodes: list[SchemaNode] = field(default_factory=lambda: [SchemaNode(EMPTY, None, None, ())])
    _children: dict[tuple[int, _Key], int] = field(default_factory=dict)

    def add(self, ledger: Ledger) -> dict[int, int | None]:
        """Adds a ledger's schemas. Maps each entry's ID to the node of the schema after the entry.

        The node is None while a migration is unfinished, because the database may contain a part of the migration.
        """
        walk, found = _Walk(self), {}
        for entry in ledger.entries:
            walk.through(entry)
            found[entry.id] = walk.node
        return found

    def child(self, parent: int, entry: Entry) -> int:
        """The node after one more migration. Creates the node if it does not exist."""
        place = (parent, (entry.number, entry.name, entry.checksum, entry.sql))
        if place not in self._children:
            self.nodes.append(SchemaNode(len(self.nodes), parent, entry))
            self._children[place] = len(self.nodes) - 1
        return self._children[place]

    def path(self, node: int) -> tuple[SchemaNode, ...]:
        """The nodes from the first migration to `node`, without the empty schema."""
        found: list[SchemaNode] = []
        at = self.nodes[node]
        while at.parent is not None:
            found.append(at)
            at = self.nodes[at.parent]
        return tuple(reversed(found))

    @property
    def leaves(self) -> tuple[int, ...]:
        """The nodes without children, the newest first. The paths to these nodes contain all nodes."""
        parents = {node.parent for node in self.nodes}
        return tuple(node.id for node in reversed(self.nodes) if node.id not in parents and node.id != EMPTY)

    def unknown_from(self, node: int, why: str) -> None:
        """Stores `why` as the reason in an unknown node and in each unknown node after it."""
        reached = {node}
        for each in self.nodes[node:]:  # a parent precedes its children
            if (each.id == node or each.parent in reached) and not each.known:
                reached.add(each.id)
                each.why_unknown = each.why_unknown or why


@dataclass
class _Walk:
    """Follows one ledger, entry by entry."""

    tree: SchemaTree
    applied: dict[int, Entry] = field(default_factory=dict)
    unfinished: set[int] = field(default_factory=set)
    at: int = EMPTY

    @property
    def node(self) -> int | None:
        return None if self.unfinished else self.at

    def through(self, entry: Entry) -> None:
        number = entry.number
        if number is None or entry.mark in CHANGES_NOTHING:
            return
        if entry.mark is Mark.STARTED:
            self.unfinished.add(number)
            return
        self.unfinished.discard(number)
        if not entry.marks_applied:
            self._remove(number)
        elif number in self.applied:
            self.applied[number] = entry
            self._walk_again()
        else:
            self.applied[number] = entry
            self.at = self.tree.child(self.at, entry)

    def _remove(self, number: int) -> None:
        last = next(reversed(self.applied), None)
        if self.applied.pop(number, None) is None:
            return
        if number == last:
            self.at = self.tree.nodes[self.at].parent or EMPTY
        else:
            self._walk_again()

    def _walk_again(self) -> None:
        self.at = EMPTY
        for entry in self.applied.values():
            self.at = self.tree.child(self.at, entry)

"""Finds the relations that a statement locks, and the lock modes, from its parse tree.

Excludes locks that a DO block, a function or a trigger takes, because a parser cannot know them. `lock_timeout` limits
the wait for such locks.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from ..lazy import dataclass
from .nodes import Node, commands, dropped_names, quoted_name, relation, switched_on, walk


class LockMode(IntEnum):
    """PostgreSQL's table lock modes, with PostgreSQL's own numbers."""

    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @classmethod
    def of(cls, node: Node) -> LockMode:
        """The mode of a LOCK TABLE statement. If the parser's number for the mode is unknown, the strongest mode."""
        return next((mode for mode in cls if mode == node.get("mode")), cls.ACCESS_EXCLUSIVE)

    @property
    def in_pg_locks(self) -> str:
        """The mode's name in `pg_locks.mode`."""
        return "".join(word.capitalize() for word in self.name.split("_")) + "Lock"

    @property
    def conflicts(self) -> tuple[LockMode, ...]:
        """The modes that other sessions cannot hold together with this mode."""
        return tuple(LockMode(n) for n in _CONFLICTS[self])


_CONFLICTS = {1: (8,), 2: (7, 8), 3: (5, 6, 7, 8), 4: (4, 5, 6, 7, 8), 5: (3, 4, 6, 7, 8), 6: (3, 4, 5, 6, 7, 8)}
_CONFLICTS |= {7: (2, 3, 4, 5, 6, 7, 8), 8: (1, 2, 3, 4, 5, 6, 7, 8)}


@dataclass(frozen=True)
class RequiredLock:
    """A lock on a relation that a statement names. `name` is quoted, and has a schema if the statement gives one."""

    name: str
    mode: LockMode


AE, SRE, SUE = LockMode.ACCESS_EXCLUSIVE, LockMode.SHARE_ROW_EXCLUSIVE, LockMode.SHARE_UPDATE_EXCLUSIVE

_BY_RELATION = {
    "CreateTrigStmt": ("relation", SRE),
    "RuleStmt": ("relation", AE),
    "CreatePolicyStmt": ("table", AE),
    "AlterPolicyStmt": ("table", AE),
    "RenameStmt": ("relation", AE),
    "AlterObjectSchemaStmt": ("relation", AE),
    "ClusterStmt": ("relation", AE),
    "ViewStmt": ("view", AE),
    **dict.fromkeys(("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"), ("relation", LockMode.ROW_EXCLUSIVE)),
    "AlterSeqStmt": ("sequence", SRE),
}
"""Maps types of statements to the key of a relation's name in the tree, and the lock mode.

These statements lock only this relation.
"""

_WEAK = {
    **dict.fromkeys(("AT_ValidateConstraint", "AT_SetStatistics", "AT_SetOptions", "AT_ResetOptions"), SUE),
    **dict.fromkeys(("AT_SetRelOptions", "AT_ResetRelOptions", "AT_ClusterOn", "AT_DropCluster"), SUE),
    "AT_AttachPartition": SUE,
    **{f"AT_{do}Trig{which}": SRE for do in ("Enable", "Disable") for which in ("", "All", "User")},
    "AT_EnableAlwaysTrig": SRE,
    "AT_EnableReplicaTrig": SRE,
}
"""The subcommands of ALTER TABLE whose lock is weaker than ACCESS EXCLUSIVE."""

_DROPPED = ("TABLE", "INDEX", "VIEW", "MATVIEW", "SEQUENCE", "FOREIGN_TABLE")
_DROPPED_FROM = ("TRIGGER", "RULE", "POLICY")


def locks(kind: str, node: Node) -> tuple[RequiredLock, ...]:
    """The strongest lock on each relation that a statement names."""
    strongest: dict[str, LockMode] = {}
    for name, mode in (*_of_statement(kind, node), *((name, SRE) for name in _referenced(kind, node))):
        strongest[name] = max(mode, strongest.get(name, mode))
    return tuple(RequiredLock(name, mode) for name, mode in strongest.items() if name)


def table_made(kind: str, node: Node) -> str:
    """The table that a statement creates, on which no other session can hold a lock."""
    return relation(node.get("relation", {})) if kind == "CreateStmt" else ""


def _of_statement(kind: str, node: Node) -> Iterator[tuple[str, LockMode]]:
    if kind in _BY_RELATION:
        key, mode = _BY_RELATION[kind]
        yield relation(node.get(key, {})), mode
    elif judge := _JUDGES.get(kind):
        yield from judge(node)


def _names(node: Node, key: str) -> Iterator[str]:
    for item in node.get(key, ()):
        yield relation(item.get("RangeVar", {}))


def _referenced(kind: str, node: Node) -> Iterator[str]:
    """The tables that foreign keys reference."""
    if kind in {"CreateStmt", "AlterTableStmt"}:
        yield from (relation(each["pktable"]) for _, each in walk(node) if "pktable" in each)


def _alter_table(node: Node) -> Iterator[tuple[str, LockMode]]:
    parts = tuple(commands("AlterTableStmt", node))
    yield relation(node.get("relation", {})), max((_altering(command) for command in parts), default=AE)
    for command in parts:
        partition = command.get("def", {}).get("PartitionCmd", {})
        if partition.get("name"):
            yield relation(partition["name"]), SUE if partition.get("concurrent") else AE


def _altering(command: Node) -> LockMode:
    constraint = command.get("def", {}).get("Constraint", {})
    if command.get("subtype") == "AT_AddConstraint" and constraint.get("contype") == "CONSTR_FOREIGN":
        return SRE
    if command.get("def", {}).get("PartitionCmd", {}).get("concurrent"):
        return SUE
    return _WEAK.get(command.get("subtype", ""), AE)


def _drop(node: Node) -> Iterator[tuple[str, LockMode]]:
    what = node.get("removeType", "").removeprefix("OBJECT_")
    for parts in dropped_names(node):
        if what in _DROPPED_FROM or what in _DROPPED:
            name = quoted_name(*(parts[:-1] if what in _DROPPED_FROM else parts))
            yield name, SUE if node.get("concurrent") else AE


def _index(node: Node) -> Iterator[tuple[str, LockMode]]:
    yield relation(node.get("relation", {})), SUE if node.get("concurrent") else LockMode.SHARE


def _reindex(node: Node) -> Iterator[tuple[str, LockMode]]:
    yield relation(node.get("relation", {})), SUE if switched_on(node.get("params", ()), "concurrently") else AE


def _create(node: Node) -> Iterator[tuple[str, LockMode]]:
    mode = AE if node.get("partbound") else SUE
    yield from ((name, mode) for name in _names(node, "inhRelations"))


def _refresh(node: Node) -> Iterator[tuple[str, LockMode]]:
    yield relation(node.get("relation", {})), LockMode.EXCLUSIVE if node.get("concurrent") else AE


def _relations(node: Node) -> Iterator[tuple[str, LockMode]]:
    """The locks of TRUNCATE and LOCK TABLE. TRUNCATE takes the strongest mode, which is not in the parse tree."""
    yield from ((name, LockMode.of(node)) for name in _names(node, "relations"))


_JUDGES = {
    "AlterTableStmt": _alter_table,
    "DropStmt": _drop,
    "TruncateStmt": _relations,
    "IndexStmt": _index,
    "CreateStmt": _create,
    "ReindexStmt": _reindex,
    "RefreshMatViewStmt": _refresh,
    "LockStmt": _relations,
}

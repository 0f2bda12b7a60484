"""The input of a rule: a statement, the schema before the statement, and its transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from ..lazy import dataclass
from ..sql.locks import LockMode, locks
from ..sql.nodes import Name, Node, qualified, relation_name, written
from ..sql.transaction_block import why_not_in_transaction
from .added_columns import AddedColumn, added_column, target
from .catalog import Catalog, Table
from .dynamic_sql import UNKNOWN

if TYPE_CHECKING:
    from ..core.migration.deprecation import Deprecation
    from ..core.migration.schema_version import SchemaVersion

_ALTERED = {"OBJECT_TABLE", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"}
"""The types of relations that have rows. An AlterTableStmt can also be ALTER INDEX, SEQUENCE, VIEW or TYPE."""


@dataclass
class Transaction:
    """The effects of earlier statements in the same transaction."""

    whole: bool = True
    """Whether the file runs as one transaction."""
    held: dict[Name, LockMode] = field(default_factory=dict)
    """The strongest lock that the transaction holds on each table in use."""
    batched: bool = False
    """Whether the file runs in batches."""
    statements: int = 1
    """The number of statements in the file."""
    written: tuple[tuple[str, Node], ...] = ()
    """All statements of the file, each with its kind. Includes statements in DO blocks, and later statements."""
    mixed_reported: bool = False
    """Whether the rule `mixed-file` already reported the file."""
    deprecations: tuple[Deprecation, ...] = ()
    """The deprecations in earlier files, oldest first."""
    version: SchemaVersion | None = None
    """The schema version in the file's header. None without one."""
    today: date = date.min
    worked_under: set[Name] = field(default_factory=set)
    """The locked tables for which the rule `work-under-lock` has already reported a DDL statement."""

    def of_kind(self, *kinds: str) -> Iterator[Node]:
        """All statements of these kinds in the file, before and after the current one."""
        return (node for kind, node in self.written if kind in kinds)

    def altering(self, subtype: str) -> frozenset[str]:
        """The unqualified names of tables that the file changes by an ALTER TABLE action of the type `subtype`."""
        altered = (node for node in self.of_kind("AlterTableStmt") if _has(node, subtype))
        return frozenset(relation_name(node.get("relation", {}))[1] for node in altered)

    def hold(self, case: Case) -> None:
        """Adds a statement's locks, which PostgreSQL holds until the end of the transaction.

        Outside a transaction, a statement releases its locks when it ends. A DO block holds the locks of all its
        statements until it ends.
        """
        if not (self.whole or case.in_body):
            return
        for name, mode in case.locks.items():
            self.held[name] = max(mode, self.held.get(name, mode))


@dataclass(frozen=True)
class Case:
    """One statement, and the state of the schema and the transaction before this statement."""

    kind: str
    node: Node
    catalog: Catalog
    transaction: Transaction
    exposed_schemas: tuple[str, ...] = ()
    """Schemas whose tables need row-level security.

    Empty means all schemas, but only if the database uses row-level security.
    """
    in_body: bool = False
    """Whether the statement is inside a DO block."""

    @property
    def api_schemas(self) -> tuple[str, ...]:
        """The schemas that the clients of an API can query. Empty if no API is known."""
        return self.exposed_schemas or (("public",) if self.catalog.api_roles else ())

    def in_use(self, relation: Node, *, if_exists: bool = False) -> Table | None:
        """The table `relation`, if it is in use. None if the same plan created it, or if it is temporary."""
        return self.used(relation_name(relation), if_exists=if_exists or bool(self.node.get("missing_ok")))

    def used(self, name: Name, *, if_exists: bool = False) -> Table | None:
        """Like `in_use`, but finds the table by name. Assumes that a table exists if the model does not contain it."""
        found = self.catalog.table(name)
        if found is None:
            if if_exists and self.catalog.complete and UNKNOWN not in name[1]:
                return None
            return Table(self.catalog.full(name), known=False)
        return None if found.new or found.name[0] == "pg_temp" else found

    def has_rows(self, table: Table | None) -> bool:
        """Whether the statement may have to process rows of the table. False for a view, for example."""
        if table is None or table.kind in {"view", "foreign table"}:
            return False
        if table.kind != "partitioned":
            return True
        if self.kind == "AlterTableStmt" and not self.node.get("relation", {}).get("inh"):
            return False  # ALTER TABLE ONLY does not process partitions
        parts = [self.catalog.tables.get(name) for name in table.partitions]
        return any(part is None or (not part.new and self.has_rows(part)) for part in parts)

    @cached_property
    def altered(self) -> Table | None:
        """The table in use that ALTER TABLE changes. Leaves out constraints that the same statement drops."""
        if self.kind != "AlterTableStmt" or self.node.get("objtype") not in _ALTERED:
            return None
        table = self.in_use(self.node.get("relation", {}))
        dropped = {command.get("name") for command in self.parts("AT_DropConstraint")}
        if table is None or not dropped & set(table.constraints):
            return table
        return replace(table, constraints={n: c for n, c in table.constraints.items() if n not in dropped})

    @property
    def altered_with_rows(self) -> Table | None:
        """Like `altered`, but None if the table has no rows to process."""
        return self.altered if self.has_rows(self.altered) else None

    def parts(self, *subtypes: str) -> Iterator[Node]:
        """The ALTER TABLE actions of these kinds."""
        for item in self.node.get("cmds", ()):
            command = item.get("AlterTableCmd", {})
            if command.get("subtype") in subtypes:
                yield command

    @cached_property
    def added_columns(self) -> tuple[tuple[Table, AddedColumn], ...]:
        """The columns that the statement adds to a table that is in use and has rows, each with the table."""
        table = self.altered_with_rows
        if table is None:
            return ()
        added = [(command, added_column(target(command))) for command in self.parts("AT_AddColumn")]
        return tuple((table, one) for command, one in added if not self._exists(table, command, one))

    def _exists(self, table: Table, command: Node, added: AddedColumn) -> bool:
        """Whether the column already exists, and IF NOT EXISTS or a DO block may prevent an error."""
        return (bool(command.get("missing_ok")) or self.in_body) and added.name in table.columns

    def added_constraints(self, *kinds: str) -> Iterator[tuple[Table, Node, AddedColumn | None]]:
        """The constraints of these kinds that the statement adds to a table that is in use and has rows.

        Includes the constraints of new columns.
        """
        table = self.altered_with_rows
        if table is None:
            return
        for command in self.parts("AT_AddConstraint"):
            if target(command).get("contype") in kinds:
                yield table, target(command), None
        for _, added in self.added_columns:
            for node in added.constraints:
                if node.get("contype") in kinds:
                    yield table, node, added

    def written_columns(self) -> Iterator[AddedColumn]:
        """The columns that CREATE TABLE or ALTER TABLE defines, even if the table is not in use."""
        parts = [item["ColumnDef"] for item in self.node.get("tableElts", ()) if "ColumnDef" in item]
        parts += [target(command) for command in self.parts("AT_AddColumn")]
        return (added_column(part) for part in parts)

    @property
    def refused(self) -> bool:
        """Whether PostgreSQL rejects the statement inside a transaction block."""
        return bool(why_not_in_transaction(self.kind, self.node))

    @cached_property
    def locks(self) -> dict[Name, LockMode]:
        """The locks that the statement takes on tables in use."""
        found: dict[Name, LockMode] = {}
        for wanted in locks(self.kind, self.node):
            name = _unquoted(wanted.name)
            if self.node.get("removeType") == "OBJECT_INDEX" and (
                index := self.catalog.indexes.get(self.catalog.full(name))
            ):
                name = index.table  # DROP INDEX locks the table too
            elif self.catalog.full(name) in self.catalog.indexes:
                continue
            table = self.used(name, if_exists=bool(self.node.get("missing_ok")))
            if table:
                found[table.name] = max(wanted.mode, found.get(table.name, wanted.mode))
        return found


def _has(node: Node, subtype: str) -> bool:
    return any(item.get("AlterTableCmd", {}).get("subtype") == subtype for item in node.get("cmds", ()))


def _unquoted(text: str) -> Name:
    return qualified(tuple(part.replace('""', '"') for part in text[1:-1].split('"."')))


def called(table: Table) -> str:
    """A table's name for messages. Leaves out the schema `public`."""
    schema, bare = table.name
    return bare if schema in {"public", ""} else written(table.name)

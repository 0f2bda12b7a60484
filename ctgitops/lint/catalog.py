"""Lint's model of the schema before a statement. The model is built from the live database, earlier files, or both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..sql.nodes import Name, Node, conjuncts, not_null_columns
from .types import UNKNOWN, Type

_DEEPEST = 20
"""Maximum depth of domains that are based on other domains."""


@dataclass
class Column:
    """A column of a table."""

    type: Type = UNKNOWN
    not_null: bool = False
    collation: str = ""
    """The unqualified collation name. Empty if the column uses the type's collation."""
    generated: str = ""
    """`stored` or `virtual`. Empty if the column is not generated."""
    default: bool = False
    """Whether an INSERT that omits the column stores a value other than NULL: by DEFAULT, serial or identity."""


@dataclass
class Constraint:
    """A constraint of a table or a domain. A CHECK has an expression. Other kinds have columns."""

    kind: str
    """The kind in the parse tree: `CONSTR_CHECK`, `CONSTR_FOREIGN`, …"""
    expression: Any = None
    columns: frozenset[str] = frozenset()
    valid: bool = True
    enforced: bool = True
    refers_to: Name | None = None


@dataclass
class Index:
    """An index, with its table and all its columns. The columns include those in expressions and in the predicate."""

    table: Name
    columns: frozenset[str] = frozenset()
    computed: bool = False
    """Whether the index has an expression or predicate. PostgreSQL rebuilds such an index if a column changes type."""
    own_classes: frozenset[str] = frozenset()
    """Columns used only with an explicit operator class. PostgreSQL keeps this class when the column's type changes."""
    method: str = "btree"
    keys: tuple[str, ...] = ()
    """The key columns in order, with an empty string for each expression."""
    unique: bool = False
    partial: bool = False
    clustered: bool = False
    """Whether CLUSTER without an index name uses this index."""


@dataclass
class Table:
    """A table, materialized view or view."""

    name: Name
    kind: str = "table"
    """`table`, `partitioned`, `view`, `materialized view`, `foreign table`."""
    known: bool = True
    """Whether all columns are known."""
    new: bool = False
    """Whether the same plan created the table. No other session uses such a table yet."""
    columns: dict[str, Column] = field(default_factory=dict)
    constraints: dict[str, Constraint] = field(default_factory=dict)
    partitions: set[Name] = field(default_factory=set)
    default_partition: Name | None = None
    bound: Node | None = field(default=None, repr=False)
    """For a partition, the bound: FOR VALUES or DEFAULT."""
    of_type: Name | None = None
    """For a typed table, the composite type that defines the columns."""
    partition_key: tuple[str, tuple[str, ...]] | None = None
    """Partition strategy and key columns. No columns if the key contains an expression."""
    logged: bool = True
    storage: tuple[str, str] = ("heap", "")
    """Access method and tablespace. An empty tablespace is the database's default."""
    row_security: bool = False
    row_security_forced: bool = False
    """Whether row-level security also applies to the table's owner."""
    policies: set[str] = field(default_factory=set)
    reads: frozenset[Name] = frozenset()
    """For a view: the relations that its query reads."""
    security_invoker: bool = False
    """For a view, whether its query runs with the caller's privileges and policies, instead of the owner's."""

    def proved_parts(self) -> list[Node]:
        """The conjuncts of all validated CHECK constraints."""
        checks = (c for c in self.constraints.values() if c.kind == "CONSTR_CHECK" and c.valid and c.expression)
        return [part for check in checks for part in conjuncts(check.expression)]

    def proved_not_null(self, column: str) -> bool:
        """Whether a column is NOT NULL, or a validated CHECK proves that it is never null."""
        known = self.columns.get(column)
        return (known is not None and known.not_null) or column in not_null_columns(self.proved_parts())


@dataclass
class Domain:
    """A domain over a type."""

    base: Type
    checked: bool = False
    """Whether the domain has a CHECK constraint or is NOT NULL."""
    not_null: bool = False
    default: Node | None = None
    constraints: dict[str, Constraint] = field(default_factory=dict)


@dataclass
class Function:
    """A user-defined function."""

    volatility: str = "volatile"
    language: str = ""
    body: str = ""
    header: str = "do"
    """The command to parse the PL/pgSQL body with. The command declares the parameters and the kind of the result."""
    atomic: tuple[Node, ...] = field(default=(), repr=False)
    """The statements of a BEGIN ATOMIC body, or the query in RETURN. Each node is stored under its kind as the key."""


@dataclass
class Catalog:
    """The known schema objects. The package `fold` applies one statement after another to the catalog."""

    complete: bool = False
    """Whether the catalog contains every table of the database. If false, further tables may exist."""
    tables: dict[Name, Table] = field(default_factory=dict)
    indexes: dict[Name, Index] = field(default_factory=dict)
    domains: dict[Name, Domain] = field(default_factory=dict)
    functions: dict[Name, Function] = field(default_factory=dict)
    path: tuple[str, ...] = ("public",)
    timezone: str = ""
    """The session's TimeZone. Empty if the file does not set TimeZone."""
    major: int = 0
    """The server version. 0 if unknown."""

    def full(self, name: Name) -> Name:
        """The name with its schema. A name without a schema is looked up in the search path.

        If no table or index has the name, returns the name that `created` returns.
        """
        keys = ((schema, name[1]) for schema in self.path)
        found = (key for key in keys if key in self.tables or key in self.indexes)
        return name if name[0] else next(found, self.created(name))

    def created(self, name: Name) -> Name:
        """The qualified name of a new object. Without a schema, CREATE uses the first schema of the search path."""
        return (name[0] or next(iter(self.path), ""), name[1])

    def table(self, name: Name) -> Table | None:
        """The table called `name`. None if the model has no such table."""
        return self.tables.get(self.full(name))

    def domain(self, type_: Type) -> Domain | None:
        """The domain that `type_` refers to. None if the type is not a domain."""
        schemas = (type_.schema,) if type_.schema else self.path
        keys = ((schema, type_.name) for schema in schemas if not type_.array)
        return next((self.domains[key] for key in keys if key in self.domains), None)

    def function(self, name: Name) -> Function | None:
        """The function called `name`. None if the model has no such function."""
        schemas = (name[0],) if name[0] else self.path
        return next((self.functions[s, name[1]] for s in schemas if (s, name[1]) in self.functions), None)

    def base(self, type_: Type) -> Type:
        """The base type of a domain. Returns any other type unchanged."""
        for domain in self._under(type_):
            type_ = domain.base
        return type_

    def checked(self, type_: Type) -> bool:
        """Whether the type is a domain with a constraint, or is based on such a domain."""
        return any(domain.checked for domain in self._under(type_))

    def _under(self, type_: Type) -> Iterator[Domain]:
        """The domain that `type_` refers to, followed by the domains on which it is based."""
        domain, seen = self.domain(type_), 0
        while domain and seen < _DEEPEST:
            yield domain
            domain, seen = self.domain(domain.base), seen + 1

    def indexes_on(self, table: Name, columns: Iterable[str] | None = None) -> list[Index]:
        """The indexes of a table. If columns are given, only indexes that use one of the columns."""
        wanted = None if columns is None else set(columns)
        return [i for i in self.indexes.values() if i.table == table and (wanted is None or i.columns & wanted)]

    def parent_of(self, name: Name) -> Table | None:
        """The partitioned table that a table is a partition of. None if the table is no partition."""
        return next((table for table in self.tables.values() if name in table.partitions), None)

    def typed(self, name: Name) -> list[Table]:
        """The typed tables of the composite type `name` (CREATE TABLE … OF)."""
        return [table for table in self.tables.values() if table.of_type == self.full(name)]

    def indexed(self, table: Table) -> bool:
        """Whether a table, or the partitioned table that it belongs to, has an index."""
        above = self.parent_of(table.name)
        return bool(self.indexes_on(table.name)) or (above is not None and self.indexed(above))

    def users_of(self, domain: Name) -> list[Table]:
        """The tables with a column of the type `domain`."""
        found = []
        for table in self.tables.values():
            names = ((column.type.schema, column.type.name) for column in table.columns.values())
            if any(name[1] == domain[1] and name[0] in {"", domain[0]} for name in names):
                found.append(table)
        return found

    def settle(self) -> None:
        """Marks every object as in use by other sessions."""
        for table in self.tables.values():
            table.new = False

"""Lint's model of the schema before a statement. Built from the live database, from earlier files, or from both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Any

from ..lazy import dataclass
from ..sql.nodes import Name, Node, conjuncts, not_null_columns
from .types import UNKNOWN, Type

_DEEPEST = 20
"""Maximum length of a chain of domains, each of which is based on the next."""


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
    """Whether an INSERT that omits the column stores a value other than NULL, due to DEFAULT, serial or identity."""


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
    """Whether the index has an expression or predicate. Changing a column's type then rebuilds the index."""
    own_classes: frozenset[str] = frozenset()
    """Columns that the index uses only with an explicit operator class. A new type of the column keeps this class."""
    method: str = "btree"
    keys: tuple[str, ...] = ()
    """The key columns in order, with an empty string for each expression."""
    unique: bool = False
    partial: bool = False
    clustered: bool = False
    """Whether CLUSTER without an index name uses this index."""


@dataclass(frozen=True)
class RowPolicy:
    """A policy of row-level security."""

    command: str = "all"
    """`all`, `select`, `insert`, `update` or `delete`."""
    roles: frozenset[str] = frozenset({"PUBLIC"})
    permissive: bool = True

    def overlaps(self, other: RowPolicy) -> bool:
        """Whether a query of one role evaluates both policies."""
        commands = {self.command, other.command}
        return (len(commands) == 1 or "all" in commands) and bool(
            self.roles & other.roles or "PUBLIC" in self.roles | other.roles
        )


@dataclass
class Table:
    """A table, materialized view or view."""

    name: Name
    kind: str = "table"
    """`table`, `partitioned`, `view`, `materialized view`, `foreign table`."""
    known: bool = True
    """Whether all columns are known."""
    new: bool = False
    """Whether the plan itself creates the table. No other session uses such a table yet."""
    columns: dict[str, Column] = field(default_factory=dict)
    constraints: dict[str, Constraint] = field(default_factory=dict)
    partitions: set[Name] = field(default_factory=set)
    default_partition: Name | None = None
    bound: Node | None = field(default=None, repr=False)
    """For a partition, its bound: FOR VALUES or DEFAULT."""
    of_type: Name | None = None
    """For a typed table, the composite type that defines the columns."""
    partition_key: tuple[str, tuple[str, ...]] | None = None
    """The partition strategy and the key columns. Without columns if the key contains an expression."""
    logged: bool = True
    storage: tuple[str, str] = ("heap", "")
    """The access method and the tablespace. An empty tablespace means the database's default."""
    row_security: bool = False
    row_security_forced: bool = False
    """Whether row-level security also applies to the table's owner."""
    policies: dict[str, RowPolicy] = field(default_factory=dict)
    """Maps the names of the table's policies to the policies."""
    reads: frozenset[Name] = frozenset()
    """For a view: the relations that its query reads."""
    security_invoker: bool = False
    """For a view, whether its query runs with the privileges and policies of the caller instead of the owner."""

    def proved_parts(self) -> list[Node]:
        """The conditions of all validated CHECK constraints. Each operand of an AND is a separate condition."""
        checks = (c for c in self.constraints.values() if c.kind == "CONSTR_CHECK" and c.valid and c.expression)
        return [part for check in checks for part in conjuncts(check.expression)]

    def proved_not_null(self, column: str) -> bool:
        """Whether a column cannot be NULL, because of NOT NULL or a validated CHECK."""
        known = self.columns.get(column)
        return (known is not None and known.not_null) or column in not_null_columns(self.proved_parts())


@dataclass
class Domain:
    """A domain, which is a type based on another type."""

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
    """The command with which to parse the PL/pgSQL body. It declares the parameters and the kind of the result."""
    atomic: tuple[Node, ...] = field(default=(), repr=False)
    """The statements of a BEGIN ATOMIC body, or the query in RETURN. The key of each node is its kind."""
    definer: bool = False
    """Whether the function is SECURITY DEFINER."""


@dataclass
class Catalog:
    """The known schema objects. The package `fold` applies one statement after another to the catalog."""

    complete: bool = False
    """Whether the catalog contains every table of the database. If not, other tables may exist."""
    tables: dict[Name, Table] = field(default_factory=dict)
    indexes: dict[Name, Index] = field(default_factory=dict)
    domains: dict[Name, Domain] = field(default_factory=dict)
    functions: dict[Name, Function] = field(default_factory=dict)
    path: tuple[str, ...] = ("public",)
    timezone: str = ""
    """The session's TimeZone. Empty if the file does not set TimeZone."""
    major: int = 0
    """The server version. 0 if unknown."""
    api_roles: set[str] = field(default_factory=set)
    """Those of the roles `anon` and `authenticated` that are known to exist. The clients of an API have these roles."""
    executors: set[str] = field(default_factory=set)
    """Those of the same roles to which default privileges grant EXECUTE on new functions."""

    def full(self, name: Name) -> Name:
        """The name with its schema. Looks up a name without a schema in the search path.

        If no table or index has the name, returns the result of `created`.
        """
        keys = ((schema, name[1]) for schema in self.path)
        found = (key for key in keys if key in self.tables or key in self.indexes)
        return name if name[0] else next(found, self.created(name))

    def created(self, name: Name) -> Name:
        """The qualified name of a new object. If `name` has no schema, uses the first schema of the search path."""
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
        """The domain that `type_` refers to, then each domain on which this domain is based."""
        domain, seen = self.domain(type_), 0
        while domain and seen < _DEEPEST:
            yield domain
            domain, seen = self.domain(domain.base), seen + 1

    def indexes_on(self, table: Name, columns: Iterable[str] | None = None) -> list[Index]:
        """The indexes of a table. With `columns`, only indexes that use one of these columns."""
        wanted = None if columns is None else set(columns)
        return [i for i in self.indexes.values() if i.table == table and (wanted is None or i.columns & wanted)]

    def parent_of(self, name: Name) -> Table | None:
        """The partitioned table to which a partition belongs. None if the table is not a partition."""
        return next((table for table in self.tables.values() if name in table.partitions), None)

    def typed(self, name: Name) -> list[Table]:
        """The typed tables of the composite type `name` (CREATE TABLE … OF)."""
        return [table for table in self.tables.values() if table.of_type == self.full(name)]

    def indexed(self, table: Table) -> bool:
        """Whether a table has an index, or its partitioned table has one."""
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

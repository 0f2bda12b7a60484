"""Decides whether a query processes many rows of a table in use, or only finds a few rows with an index."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..lazy import dataclass
from ..sql.nodes import Name, Node, columns_in, conjuncts, parts_of, relation_name, walk
from ..sql.tautology import always_false
from .rule_input import Case, called
from .selectivity import selective

if TYPE_CHECKING:
    from .catalog import Catalog, Table

_SYSTEM = {"pg_catalog", "information_schema", "ctgitops"}
_DEEPEST = 8
"""Maximum depth of views that read views."""
_ANY_ROW = {"whereClause", "sortClause", "groupClause", "distinctClause", "havingClause", "windowClause"}
"""Clauses that make PostgreSQL read more rows than LIMIT returns."""


@dataclass(frozen=True)
class Source:
    """A relation in FROM, or the target of a statement. `table` is None unless the relation is in use and has rows."""

    alias: str
    table: Table | None


@dataclass(frozen=True)
class Query:
    """One SELECT, UPDATE, DELETE or MERGE, without its subqueries. `ctes` contains the names that WITH defines."""

    case: Case
    node: Node
    ctes: frozenset[str]

    def scanned(self) -> Iterator[Table]:
        """The tables from which the query may read many rows, because no index limits the rows."""
        if always_false(self.node.get("whereClause", {})) or self._any_row or self._extreme:
            return
        found = {each.alias for each in self._sources if each.table is None}
        while more := {s.alias for s in self._sources if s.alias not in found and self._looked_up(s, found)}:
            found |= more
        yield from (each.table for each in self._sources if each.alias not in found and each.table)

    @cached_property
    def _sources(self) -> tuple[Source, ...]:
        node = self.node
        items = [{"RangeVar": node["relation"]}] if "relation" in node else []
        items += [*node.get("fromClause", ()), *node.get("usingClause", ()), node.get("sourceRelation", {})]
        return tuple(each for item in items for each in self._in(item))

    def _in(self, item: Node) -> Iterator[Source]:
        if "JoinExpr" in item:
            for side in ("larg", "rarg"):
                yield from self._in(item["JoinExpr"].get(side, {}))
        for kind, inner in item.items():
            if kind != "JoinExpr":
                alias = inner.get("alias", {}).get("aliasname") or inner.get("relname", "")
                yield Source(alias, self._table(inner) if kind == "RangeVar" else None)

    def _table(self, relation: Node) -> Table | None:
        name = relation_name(relation)
        system = name[0] in _SYSTEM or (not name[0] and name[1].startswith("pg_"))
        if system or (not name[0] and name[1] in self.ctes):
            return None
        table = self.case.in_use(relation)
        return table if table and has_rows(self.case, table) else None

    @cached_property
    def _conditions(self) -> tuple[Node, ...]:
        joins = [node.get("quals") for kind, node in walk(self.node.get("fromClause", [])) if kind == "JoinExpr"]
        parts = [self.node.get("whereClause"), self.node.get("joinCondition"), *joins]
        return tuple(each for part in parts for each in conjuncts(part))

    def _looked_up(self, source: Source, found: set[str]) -> bool:
        """Whether a condition compares the first column of an index with a constant, or with a value from `found`."""
        keys = _keys(source.table, self.case.catalog) if source.table else None
        if "CurrentOfExpr" in self.node.get("whereClause", {}):
            return True
        for part in self._conditions:
            if (
                selective(part)
                and _compares_column(part)
                and self._owns(source, part)
                and (keys is None or columns_in(part) & keys)
            ):
                return True
            if any(keys is None or column in keys for column in self._joined(source, part, found)):
                return True
        return False

    def _owns(self, source: Source, part: Node) -> bool:
        named = {qualifier for qualifier, _ in _columns(part) if qualifier}
        return source.alias in named if named else len(self._sources) == 1 or _has(source.table, columns_in(part))

    def _joined(self, source: Source, part: Node, found: set[str]) -> Iterator[str]:
        """The columns of `source` that a join condition compares with rows of `found` or of an outer query."""
        test = part.get("A_Expr", {})
        if parts_of(test.get("name", [])) != ("=",) or test.get("kind") != "AEXPR_OP":
            return
        own = {each.alias for each in self._sources} - found
        for one, other in (("lexpr", "rexpr"), ("rexpr", "lexpr")):
            column, value = test.get(one, {}), test.get(other, {})
            qualifiers = {qualifier for qualifier, _ in _columns(value)}
            if "ColumnRef" in column and self._owns(source, column) and qualifiers and not qualifiers & (own | {""}):
                yield from columns_in(column)

    @property
    def _any_row(self) -> bool:
        """Whether LIMIT ends the query after a few rows."""
        return "limitCount" in self.node and not _ANY_ROW & set(self.node) and not _calls(self.node)

    @property
    def _extreme(self) -> bool:
        """Whether the query is `SELECT max(key) FROM table`, which reads one entry of an index."""
        sources, tables = self._sources, [each.table for each in self._sources if each.table]
        calls = _calls(self.node)
        if len(sources) != 1 or not tables or self._conditions or "groupClause" in self.node or not calls:
            return False
        keys = _keys(tables[0], self.case.catalog)
        named = all(parts_of(call.get("funcname", []))[-1:] in {("max",), ("min",)} for call in calls)
        return named and (keys is None or all(columns_in(call) <= keys for call in calls))


def has_rows(case: Case, table: Table, depth: int = 0) -> bool:
    """Whether a query on the relation reads rows of a table in use. For a view, checks the view's query."""
    if table.kind == "foreign table":
        return True
    if table.kind != "view":
        return case.has_rows(table)
    under = [each for each in map(case.used, table.reads) if each]
    return depth < _DEEPEST and any(has_rows(case, each, depth + 1) for each in under)


def scanned(case: Case, node: Any) -> Iterator[str]:
    """The names of tables in use from which the statement's queries may read many rows."""
    found = list(walk(node))
    ctes = frozenset(str(each.get("ctename")) for kind, each in found if kind == "CommonTableExpr")
    first_row = {id(each) for kind, each in found if kind == "SubLink" for each in _first_row(each)}
    for kind, each in found:
        if kind in {"UpdateStmt", "DeleteStmt", "MergeStmt"}:
            yield from (f"`{called(table)}`" for table in Query(case, each, ctes).scanned())
        elif kind == "SelectStmt" and id(each) not in first_row:
            for part in _parts(each):
                yield from (f"`{called(table)}`" for table in Query(case, part, ctes).scanned())


def _first_row(link: Node) -> Iterator[Node]:
    """The query in an EXISTS without a condition. PostgreSQL stops such a query at its first row."""
    select = link.get("subselect", {}).get("SelectStmt", {})
    if link.get("subLinkType") == "EXISTS_SUBLINK" and not _ANY_ROW & set(select):
        yield select


def _parts(select: Node) -> Iterator[Node]:
    """The query itself. For UNION, INTERSECT or EXCEPT, the combined queries."""
    sides = [select[side] for side in ("larg", "rarg") if side in select]
    yield from (each for side in sides for each in _parts(side))
    if not sides:
        yield select


def _calls(select: Node) -> list[Node]:
    return [node for kind, node in walk(select.get("targetList", [])) if kind == "FuncCall"]


def _columns(node: Any) -> Iterator[Name]:
    """The columns in an expression, each with its qualifier."""
    for kind, each in walk(node):
        if kind == "ColumnRef":
            names = parts_of(each.get("fields", []))
            yield "".join(names[-2:-1]), names[-1]


def _compares_column(part: Node) -> bool:
    """Whether one side of a comparison is a plain column. Lint does not know indexes on expressions."""
    tests = [node for _, node in walk(part) if parts_of(node.get("name", ())) == ("=",) or "testexpr" in node]
    sides = [node.get(side, {}) for node in tests for side in ("lexpr", "rexpr", "testexpr")]
    return any(isinstance(side, dict) and "ColumnRef" in side for side in sides)


def _has(table: Table | None, columns: frozenset[str]) -> bool:
    return table is not None and (not table.known or columns <= set(table.columns))


def _keys(table: Table, catalog: Catalog) -> set[str] | None:
    """The first columns of the table's indexes. None if the indexes are not known."""
    if not table.known:
        return None
    parent = catalog.parent_of(table.name)
    on = [*catalog.indexes_on(table.name), *(catalog.indexes_on(parent.name) if parent else ())]
    return {each.keys[0] for each in on if each.keys and not each.partial}

"""Applies CREATE to lint's model of the schema: tables, views, indexes, domains, functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from ...sql.nodes import (
    Name,
    Node,
    columns_in,
    name_of,
    options_of,
    parts_of,
    quoted_name,
    relation_name,
    switched_on,
    text_of,
)
from ..added_columns import AddedColumn, added_column, constraint_of, index_columns
from ..catalog import Catalog, Column, Domain, Function, Index, Table
from ..queries import columns_of, relations_in
from ..types import type_of


def _made(catalog: Catalog, relation: Node, kind: str) -> Table | None:
    """Adds and returns a new table. Returns None if the table already exists, as CREATE … IF NOT EXISTS allows."""
    schema, bare = relation_name(relation)
    if relation.get("relpersistence") == "t":
        schema = "pg_temp"
    name = catalog.created((schema, bare))
    if name in catalog.tables:
        return None
    table = Table(name, kind, new=True, logged=relation.get("relpersistence") != "u")
    catalog.tables[name] = table
    if schema == "pg_temp" and "pg_temp" not in catalog.path:
        catalog.path = ("pg_temp", *catalog.path)
    return table


def table(catalog: Catalog, node: Node) -> None:
    """Applies CREATE TABLE."""
    kind = "partitioned" if "partspec" in node else "table"
    made = _made(catalog, node.get("relation", {}), kind)
    if made is None:
        return
    if kind == "partitioned":
        made.partition_key = _partition_key(node["partspec"])
    for item in node.get("inhRelations", ()):
        _inherit(catalog, made, relation_name(item.get("RangeVar", {})))
    if "partbound" in node and node.get("inhRelations"):
        parent = catalog.table(relation_name(node["inhRelations"][0].get("RangeVar", {})))
        become_partition(made, parent, node["partbound"])
    if "ofTypename" in node:
        made.known = False
        made.of_type = catalog.full(name_of(node["ofTypename"].get("names", [])))
    for element in node.get("tableElts", ()):
        _element(catalog, made, element)


def _element(catalog: Catalog, made: Table, element: Node) -> None:
    if "ColumnDef" in element:
        add_column(catalog, made, added_column(element["ColumnDef"]))
    elif "Constraint" in element:
        add_constraint(catalog, made, element["Constraint"])
    elif "TableLikeClause" in element:
        _inherit(catalog, made, relation_name(element["TableLikeClause"].get("relation", {})))


def _partition_key(spec: Node) -> tuple[str, tuple[str, ...]]:
    elements = [item.get("PartitionElem", {}) for item in spec.get("partParams", ())]
    columns = tuple(e["name"] for e in elements) if all("name" in e for e in elements) else ()
    return spec.get("strategy", "").removeprefix("PARTITION_STRATEGY_").lower(), columns


def _inherit(catalog: Catalog, made: Table, parent: Name) -> None:
    source = catalog.table(parent)
    if source is None:
        made.known = False
        return
    made.known = made.known and source.known
    made.columns |= {name: replace(column) for name, column in source.columns.items()}
    made.constraints |= {n: c for n, c in source.constraints.items() if c.kind == "CONSTR_CHECK"}


def become_partition(child: Table, whole: Table | None, bound: Node) -> None:
    """Makes `child` a partition of `whole`."""
    child.bound = bound
    if whole is not None and whole is not child:
        whole.partitions.add(child.name)
        if bound.get("is_default"):
            whole.default_partition = child.name


def add_column(catalog: Catalog, to: Table, added: AddedColumn) -> None:
    """Adds a column with the constraints of its definition."""
    given = bool(added.default or added.serial or added.identity)
    to.columns[added.name] = Column(added.type, added.not_null, added.collation, added.generated, given)
    for node in added.constraints:
        if node.get("contype") in {"CONSTR_CHECK", "CONSTR_FOREIGN", "CONSTR_UNIQUE", "CONSTR_PRIMARY"}:
            add_constraint(catalog, to, node, added.name)


def add_constraint(catalog: Catalog, to: Table, node: Node, column: str = "") -> None:
    """Adds a constraint to a table. Also adds the index and the NOT NULL that the constraint implies."""
    constraint = constraint_of(node, column)
    kind = constraint.kind.removeprefix("CONSTR_").lower()
    known_index = catalog.indexes.get((to.name[0], node.get("indexname", "")))
    if known_index:
        constraint.columns = known_index.columns
    if constraint.kind in {"CONSTR_PRIMARY", "CONSTR_NOTNULL"}:
        for name in constraint.columns if constraint.valid else ():
            to.columns.setdefault(name, Column()).not_null = True
    name = node.get("conname", "") or _usual_name(to, constraint.columns, kind)
    to.constraints[name] = constraint
    if constraint.kind in {"CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION"}:
        known_index = catalog.indexes.pop((to.name[0], node.get("indexname", "")), None)
        made = Index(to.name, constraint.columns, unique=constraint.kind != "CONSTR_EXCLUSION")
        made.keys = (
            known_index.keys if known_index else parts_of(node.get("keys", [])) or tuple(sorted(constraint.columns))
        )
        catalog.indexes[to.name[0], name] = made


def _usual_name(to: Table, columns: frozenset[str], kind: str) -> str:
    """The name that PostgreSQL gives to a constraint on one column. For others, a placeholder such as `check 1`."""
    ends = {"primary": "pkey", "unique": "key", "foreign": "fkey", "check": "check", "exclusion": "excl"}
    if kind == "primary":
        return f"{to.name[1]}_pkey"
    name = f"{to.name[1]}_{next(iter(columns))}_{ends[kind]}" if len(columns) == 1 and kind in ends else ""
    if name and name not in to.constraints:
        return name
    return next(each for number in count(1) if (each := f"{kind} {number}") not in to.constraints)


def foreign_table(catalog: Catalog, node: Node) -> None:
    """Applies CREATE FOREIGN TABLE. Another server stores the rows of such a table."""
    made = _made(catalog, node.get("base", {}).get("relation", {}), "foreign table")
    if made:
        for element in node.get("base", {}).get("tableElts", ()):
            _element(catalog, made, element)


def table_as(catalog: Catalog, node: Node) -> None:
    """Applies CREATE TABLE … AS and CREATE MATERIALIZED VIEW."""
    kind = "materialized view" if node.get("objtype") == "OBJECT_MATVIEW" else "table"
    _made_by_query(catalog, node.get("into", {}), kind, node.get("query", {}))


def _made_by_query(catalog: Catalog, into: Node, kind: str, query: Node) -> None:
    if made := _made(catalog, into.get("rel", {}), kind):
        made.known = False
        made.columns = columns_of(query, catalog)
        made.reads = relations_in(query, catalog)


def selected(catalog: Catalog, node: Node) -> None:
    """Applies SELECT … INTO, and calls of set_config that change the search path."""
    if "intoClause" in node:
        _made_by_query(catalog, node["intoClause"], "table", {"SelectStmt": node})
        return
    for item in node.get("targetList", ()):
        call = item.get("ResTarget", {}).get("val", {}).get("FuncCall", {})
        if parts_of(call.get("funcname", []))[-1:] == ("set_config",):
            words = [text_of(argument) for argument in call.get("args", ())]
            if words[:1] == ["search_path"]:
                catalog.path = tuple(p.strip().strip('"') for p in "".join(words[1:2]).split(",") if p.strip())


def view(catalog: Catalog, node: Node) -> None:
    """Applies CREATE VIEW. CREATE OR REPLACE VIEW changes the query and the options of an existing view."""
    relation = node.get("view", {})
    made = _made(catalog, relation, "view") or catalog.table(relation_name(relation))
    if made and made.kind == "view":
        made.reads = relations_in(node.get("query", {}), catalog)
        made.security_invoker = switched_on(node.get("options", ()), "security_invoker")


def index(catalog: Catalog, node: Node) -> None:
    """Applies CREATE INDEX. Gives an unnamed index a name that is unique in the model."""
    on = catalog.full(relation_name(node.get("relation", {})))
    elements = (*node.get("indexParams", ()), *node.get("indexIncludingParams", ()))
    columns = columns_in(node.get("whereClause")).union(*(index_columns(element) for element in elements))
    computed = "whereClause" in node or any("expr" in element.get("IndexElem", {}) for element in elements)
    method = node.get("accessMethod", "btree")
    name = node.get("idxname") or f"{on[1]}_{len(catalog.indexes)}_idx"
    made = Index(on, columns, computed, _own_classes(elements), method)
    made.keys = tuple(each.get("IndexElem", {}).get("name", "") for each in node.get("indexParams", ()))
    made.unique, made.partial = bool(node.get("unique")), "whereClause" in node
    catalog.indexes.setdefault((on[0], name), made)


def _own_classes(elements: tuple[Node, ...]) -> frozenset[str]:
    parts = [each.get("IndexElem", {}) for each in elements]
    named = [(each.get("name", ""), "opclass" in each) for each in parts]
    return frozenset(column for column, own in named if own) - {column for column, own in named if not own}


def domain(catalog: Catalog, node: Node) -> None:
    """Applies CREATE DOMAIN."""
    name = catalog.created(name_of(node.get("domainname", [])))
    constraints = [item.get("Constraint", {}) for item in node.get("constraints", ())]
    kinds = {c.get("contype"): c for c in constraints}
    made = Domain(
        base=type_of(node.get("typeName", {})),
        checked=bool({"CONSTR_CHECK", "CONSTR_NOTNULL"} & set(kinds)),
        not_null="CONSTR_NOTNULL" in kinds,
        default=kinds.get("CONSTR_DEFAULT", {}).get("raw_expr"),
    )
    checks = [each for each in constraints if each.get("contype") == "CONSTR_CHECK"]
    for number, each in enumerate(checks):
        usual = f"{name[1]}_check{number or ''}"
        made.constraints[each.get("conname") or usual] = constraint_of(each)
    catalog.domains[name] = made


def function(catalog: Catalog, node: Node) -> None:
    """Applies CREATE FUNCTION."""
    catalog.functions[catalog.created(name_of(node.get("funcname", [])))] = function_of(node)


def function_of(node: Node) -> Function:
    """The function that a CREATE FUNCTION defines."""
    options = options_of(node.get("options", []))
    volatility = options.get("volatility", {}).get("String", {}).get("sval", "volatile")
    language = options.get("language", {}).get("String", {}).get("sval", "sql")
    body = options.get("as", {}).get("List", {}).get("items", [])
    text = body[0].get("String", {}).get("sval", "") if body else ""
    definer = bool(options.get("security", {}).get("Boolean", {}).get("boolval"))
    atomic = tuple(_atomic(node.get("sql_body", {})))
    return Function(volatility, language.lower(), text, header_of(node), atomic, definer)


def header_of(node: Node) -> str:
    """A CREATE FUNCTION without a body. Declares the same variables, but with simple types."""
    parts = [item.get("FunctionParameter", {}) for item in node.get("parameters", ())]
    out = [each for each in parts if each.get("mode") in {"FUNC_PARAM_OUT", "FUNC_PARAM_TABLE", "FUNC_PARAM_INOUT"}]
    returned = node.get("returnType", {})
    rows = bool(returned.get("setof")) or any(each.get("mode") == "FUNC_PARAM_TABLE" for each in parts)
    last = "".join(parts_of(returned.get("names", []))[-1:])
    given = _variables([each for each in parts if each not in out or not rows])
    kind = f"table ({_variables(out)})" if rows and out else "setof record" if rows else "int"
    if last in {"void", "trigger", "event_trigger"} or not returned or (out and not rows):
        kind = last if last in {"trigger", "event_trigger"} else "void"
    return f"create function f({given}) returns {kind} language plpgsql as"


def _variables(parts: list[Node]) -> str:
    return ", ".join(f"{quoted_name(each['name'])} text" for each in parts if each.get("name"))


def _atomic(body: Node) -> Iterator[Node]:
    if "ReturnStmt" in body:
        target = {"ResTarget": {"val": body["ReturnStmt"].get("returnval", {})}}
        yield {"SelectStmt": {"targetList": [target], "op": "SETOP_NONE"}}
    for item in body.get("List", {}).get("items", ()):
        yield from _atomic(item) if {"List", "ReturnStmt"} & set(item) else (item,)

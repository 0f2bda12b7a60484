"""Walks parse trees, reads names, constants and columns from them, and compares expressions.

A tree may be thousands of levels deep.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..lazy import regex

Node = dict[str, Any]
Name = tuple[str, str]
"""Schema and name. The schema is empty if the statement does not qualify the name."""
_PLAIN = regex(r"[a-z_…][a-z0-9_$…]*")


def walk(node: Any) -> Iterator[tuple[str, Node]]:
    """Every node in a tree, with its type. Not recursive, because an expression may be hundreds of levels deep."""
    left = [("", node)]
    while left:
        key, each = left.pop()
        if isinstance(each, dict):
            if key[:1].isupper():
                yield key, each
            left += reversed(each.items())
        elif isinstance(each, list):
            left += [("", item) for item in reversed(each)]


def quoted_name(*parts: str | None) -> str:
    """A qualified name as SQL, with each part quoted. Empty parts are left out."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts if part)


def relation(node: Node) -> str:
    """The quoted name of a RangeVar. The name has a schema if the statement gives one."""
    return quoted_name(node.get("schemaname"), node.get("relname"))


def commands(kind: str, node: Node) -> Iterator[Node]:
    """The subcommands of an ALTER TABLE. Empty for any other statement."""
    if kind == "AlterTableStmt":
        for item in node.get("cmds", ()):
            yield item.get("AlterTableCmd", {})


def parts_of(items: Sequence[Node]) -> tuple[str, ...]:
    """The parts of a qualified name."""
    return tuple(item.get("String", {}).get("sval", "") for item in items)


def options_of(items: Sequence[Node]) -> dict[str, Node]:
    """The values of a list of DefElem options, by name."""
    elements = [item.get("DefElem", {}) for item in items]
    return {element.get("defname", ""): element.get("arg", {}) for element in elements}


def text_of(node: Node) -> str:
    """The value of a string constant. Empty for any other expression."""
    text: str = node.get("A_Const", {}).get("sval", {}).get("sval", "")
    return text


def option(items: Sequence[Node], name: str) -> Node | None:
    """The DefElem called `name` in a list of options. None if the list has no such option."""
    elements = (item.get("DefElem", {}) for item in items)
    return next((each for each in elements if each.get("defname") == name), None)


def switched_on(items: Sequence[Node], name: str) -> bool:
    """Whether a boolean option is present and on: `(FULL)`, `(FULL true)`, `(FULL 1)`."""
    found = option(items, name)
    if found is None or "arg" not in found:
        return found is not None
    boolean, number, text = (found["arg"].get(kind, {}) for kind in ("Boolean", "Integer", "String"))
    word = "".join(parts_of(found["arg"].get("TypeName", {}).get("names", []))) or text.get("sval", "")
    return bool(boolean.get("boolval") or number.get("ival")) or word.lower() in {"true", "on", "yes"}


def dropped_names(node: Node) -> Iterator[tuple[str, ...]]:
    """The names in a DROP, each as a tuple of its parts."""
    for item in node.get("objects", ()):
        if "List" in item:
            yield parts_of(item["List"].get("items", []))
        elif "TypeName" in item:
            yield parts_of(item["TypeName"].get("names", []))
        elif "String" in item:
            yield parts_of([item])
        elif "ObjectWithArgs" in item:
            yield parts_of(item["ObjectWithArgs"].get("objname", []))


def role_names(items: Sequence[Node]) -> frozenset[str]:
    """The roles in a list of RoleSpec nodes. PUBLIC is written in capitals."""
    specs = (item.get("RoleSpec", {}) for item in items)
    return frozenset(
        "PUBLIC" if each.get("roletype") == "ROLESPEC_PUBLIC" else each.get("rolename", "") for each in specs
    )


def relation_name(relation: Node) -> Name:
    """The name of a RangeVar."""
    return relation.get("schemaname", ""), relation.get("relname", "")


def name_of(items: list[Node]) -> Name:
    """The name in a list of String nodes."""
    return qualified(parts_of(items))


def qualified(parts: tuple[str, ...]) -> Name:
    """The name with these parts. A database name before the schema is ignored."""
    return (parts[-2] if len(parts) > 1 else "", parts[-1] if parts else "")


def columns_in(node: Any) -> frozenset[str]:
    """The columns that an expression references."""
    found = (parts_of(inner.get("fields", []))[-1:] for kind, inner in walk(node) if kind == "ColumnRef")
    return frozenset(name for names in found for name in names if name)


def with_column_renamed(node: Any, old: str, new: str) -> Any:
    """A copy of the tree with one column renamed."""
    if isinstance(node, list):
        return [with_column_renamed(item, old, new) for item in node]
    if not isinstance(node, dict):
        return node
    if "ColumnRef" in node and columns_in(node) == {old}:
        return {"ColumnRef": {"fields": [{"String": {"sval": new}}]}}
    return {key: with_column_renamed(value, old, new) for key, value in node.items()}


def canonical(node: Any) -> Any:
    """A copy of the tree without locations, casts of constants, and qualifiers of column names."""
    if isinstance(node, list):
        return [canonical(item) for item in node]
    if not isinstance(node, dict):
        return node
    cast = node.get("TypeCast")
    if cast and {"A_Const", "ColumnRef"} & set(cast.get("arg", {})):
        return canonical(cast["arg"])
    if "ColumnRef" in node:
        return {"ColumnRef": parts_of(node["ColumnRef"].get("fields", []))[-1:]}
    return {
        key: canonical(value)
        for key, value in node.items()
        if key not in {"location", "rexpr_list_start", "rexpr_list_end", "list_start", "list_end"}
    }


def same(one: Any, two: Any) -> bool:
    """Whether `canonical` makes the two expressions equal."""
    return bool(canonical(one) == canonical(two))


def conjuncts(node: Any) -> Iterator[Node]:
    """The operands of the outermost AND in an expression, or the expression itself."""
    whole = node if isinstance(node, dict) else {}
    both = whole.get("BoolExpr", {})
    if both.get("boolop") == "AND_EXPR":
        for part in both.get("args", ()):
            yield from conjuncts(part)
    elif whole:
        yield whole


def not_null_columns(parts: Iterable[Node]) -> frozenset[str]:
    """The columns that IS NOT NULL conditions in `parts` prove not null. `parts` are the operands of one AND."""
    tests = (part.get("NullTest", {}) for part in parts)
    proved = [t["arg"] for t in tests if t.get("nulltesttype") == "IS_NOT_NULL" and "ColumnRef" in t.get("arg", {})]
    return frozenset().union(*map(columns_in, proved))


def identifier(text: str) -> str:
    """An identifier, quoted only if SQL requires it."""
    return text if _PLAIN.fullmatch(text) else quoted_name(text)


def written(name: Name) -> str:
    """A qualified name, formatted for people."""
    return ".".join(filter(None, name))

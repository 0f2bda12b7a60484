"""What PostgreSQL reads when a partition is attached, and what spares it that."""

from __future__ import annotations

from ..sql.nodes import Node
from .catalog import Table
from .nodes import canonical, columns_in, same
from .proof import proved_not_null, proved_parts


def bound_proved(parent: Table, child: Table, bound: Node) -> bool:
    """Whether the child's validated CHECKs say what the bound says; where nobody can tell, it is not proved."""
    if parent.partition_key is None or not parent.partition_key[1] or bound.get("is_default"):
        return False
    how, columns = parent.partition_key
    if how == "range" and len(columns) == 1:
        return _range(child, columns[0], bound)
    if how == "list":
        return _list(child, columns[0], bound)
    return False


def _range(child: Table, column: str, bound: Node) -> bool:
    lower, upper = bound.get("lowerdatums", [{}])[0], bound.get("upperdatums", [{}])[0]
    wanted = [(">=", lower), ("<", upper)]
    return proved_not_null(child, column) and all(
        _unbounded(datum) or _says(child, column, operator, datum) for operator, datum in wanted
    )


def _unbounded(datum: Node) -> bool:
    fields = datum.get("ColumnRef", {}).get("fields", [{}])
    return fields[-1].get("String", {}).get("sval", "") in {"minvalue", "maxvalue"}


def _says(child: Table, column: str, operator: str, datum: Node) -> bool:
    for part in proved_parts(child):
        test = part.get("A_Expr", {})
        names = [item.get("String", {}).get("sval") for item in test.get("name", ())]
        if names == [operator] and columns_in(test.get("lexpr")) == {column} and same(test.get("rexpr"), datum):
            return True
    return False


def _list(child: Table, column: str, bound: Node) -> bool:
    values = [canonical(datum) for datum in bound.get("listdatums", ())]
    has_null = any(value.get("A_Const", {}).get("isnull") for value in values)
    if not has_null and not proved_not_null(child, column):
        return False
    return any(_only(part, column, values) for part in proved_parts(child))


def _only(part: Node, column: str, values: list[Node]) -> bool:
    """Whether a part of a CHECK says that the column is one of these values."""
    test = part.get("A_Expr", {})
    if columns_in(test.get("lexpr")) != {column}:
        return False
    right = test.get("rexpr", {})
    array = right.get("A_ArrayExpr", right.get("TypeCast", {}).get("arg", {}).get("A_ArrayExpr", {}))
    items = right.get("List", {}).get("items") or array.get("elements") or [right]
    plain = [item.get("String", {}).get("sval") for item in test.get("name", ())] == ["="]
    return plain and all(canonical(item) in values for item in items)

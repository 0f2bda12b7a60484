"""Finds the settings that a statement changes, from its parse tree."""

from __future__ import annotations

from .nodes import Node, parts_of

_SET = frozenset(["VAR_SET_VALUE", "VAR_SET_DEFAULT", "VAR_SET_CURRENT"])
_TRANSACTION = frozenset(["transaction_isolation", "transaction_read_only", "transaction_deferrable"])


def setting_of(kind: str, node: Node) -> tuple[str, bool] | None:
    """The setting that SET or set_config changes, and whether it changes only for the current transaction.

    None for a RESET, and for a call whose arguments are not constants.
    """
    if kind == "VariableSetStmt" and node.get("kind") in _SET:
        return str(node.get("name", "")).lower(), bool(node.get("is_local"))
    if kind == "FuncCall" and is_called(node, "set_config"):
        constants = [argument.get("A_Const", {}) for argument in node.get("args", ())]
        if len(constants) == 3 and "sval" in constants[0] and "boolval" in constants[2]:
            return constants[0]["sval"].get("sval", "").lower(), bool(constants[2]["boolval"].get("boolval"))
    return None


def is_called(node: Node, name: str) -> bool:
    """Whether a FuncCall calls the function `name`, in any schema."""
    return parts_of(node.get("funcname", ()))[-1:] == (name,)


def sets_session(kind: str, node: Node) -> tuple[str, ...]:
    """The settings that a statement sets or resets for the session. Empty if the statement also does anything else."""
    if kind == "SelectStmt":
        return _by_calls(node)
    if kind != "VariableSetStmt" or node.get("is_local") or node.get("kind") == "VAR_SET_MULTI":
        return ()
    return (str(node.get("name", "all")).lower(),)


def _by_calls(select: Node) -> tuple[str, ...]:
    """The settings of a `SELECT set_config(…), …` in which every argument is a constant. Otherwise empty."""
    targets = [item.get("ResTarget", {}).get("val", {}).get("FuncCall", {}) for item in select.get("targetList", ())]
    made = [setting_of("FuncCall", target) for target in targets]
    if not made or {"fromClause", "whereClause", "intoClause", "withClause"} & select.keys():
        return ()
    names = tuple(each[0] for each in made if each and not each[1])
    return names if len(names) == len(made) else ()


def sets_transaction(kind: str, node: Node) -> bool:
    """Whether a statement is SET TRANSACTION, or a SET of a setting that SET TRANSACTION also changes."""
    if kind != "VariableSetStmt":
        return False
    name = str(node.get("name", ""))
    return name.lower() in _TRANSACTION or name in {"TRANSACTION", "TRANSACTION SNAPSHOT"}

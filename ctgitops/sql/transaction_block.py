"""Finds the statements that PostgreSQL does not allow inside a transaction block.

Measured on PostgreSQL 14 to 18, with the same result on each (`tests/sql/refused_inside_a_transaction.json`, checked
statement by statement in `tests/sql/test_transaction_block.py`). `CALL` and `DO` also fail there if their body commits.
A parser cannot know that; the server then reports the error, and the transaction is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable

from .nodes import Node, commands

_CONTROL = {
    "TRANS_STMT_BEGIN": "BEGIN",
    "TRANS_STMT_START": "START TRANSACTION",
    "TRANS_STMT_COMMIT": "COMMIT",
    "TRANS_STMT_ROLLBACK": "ROLLBACK",
    "TRANS_STMT_PREPARE": "PREPARE TRANSACTION",
    "TRANS_STMT_COMMIT_PREPARED": "COMMIT PREPARED",
    "TRANS_STMT_ROLLBACK_PREPARED": "ROLLBACK PREPARED",
}


def transaction_control(kind: str, node: Node) -> str:
    """The keywords of a statement that opens or closes a transaction; savepoints do not count."""
    return _CONTROL.get(node.get("kind", ""), "") if kind == "TransactionStmt" else ""


def transaction_options(kind: str, node: Node) -> str:
    """The options of a BEGIN or COMMIT beyond the plain form: `ISOLATION LEVEL SERIALIZABLE`, `AND CHAIN`; or nothing.

    READ WRITE and NOT DEFERRABLE are the defaults of a transaction that writes.
    """
    if kind != "TransactionStmt":
        return ""
    options = [_transaction_option(item.get("DefElem", {})) for item in node.get("options", ())]
    return ", ".join(filter(None, [*options, "AND CHAIN" if node.get("chain") else ""]))


def _transaction_option(definition: Node) -> str:
    value = definition.get("arg", {}).get("A_Const", {})
    if definition.get("defname") == "transaction_isolation":
        return f"ISOLATION LEVEL {value.get('sval', {}).get('sval', '').upper()}"
    words = {"transaction_read_only": "READ ONLY", "transaction_deferrable": "DEFERRABLE"}
    return words.get(definition.get("defname", ""), "") if value.get("ival", {}).get("ival") else ""


def why_not_in_transaction(kind: str, node: Node) -> str:
    """The command that PostgreSQL does not allow inside a transaction block; empty where it is allowed."""
    judge = _JUDGES.get(kind)
    return judge(node) if judge else ""


def _option(node: Node, name: str, key: str = "options") -> Node | None:
    for item in node.get(key, ()):
        definition: Node = item.get("DefElem", {})
        if definition.get("defname") == name:
            return definition
    return None


def _is_on(definition: Node | None) -> bool:
    """The value of a boolean option; without a value, it is on."""
    if definition is None:
        return False
    argument = definition.get("arg")
    if argument is None:
        return True
    value = argument.get("Boolean", {}).get("boolval")
    if value is None and "Boolean" in argument:
        return False
    text = argument.get("String", {}).get("sval", "")
    number = argument.get("Integer")
    return value is True or text.lower() in {"true", "on"} or bool(number and number.get("ival"))


def _index(node: Node) -> str:
    return "CREATE INDEX CONCURRENTLY" if node.get("concurrent") else ""


def _drop(node: Node) -> str:
    return "DROP INDEX CONCURRENTLY" if node.get("concurrent") else ""


def _reindex(node: Node) -> str:
    if _is_on(_option(node, "concurrently", "params")):
        return "REINDEX CONCURRENTLY"
    whole = {
        "REINDEX_OBJECT_SCHEMA": "SCHEMA",
        "REINDEX_OBJECT_DATABASE": "DATABASE",
        "REINDEX_OBJECT_SYSTEM": "SYSTEM",
    }
    name = whole.get(node.get("kind", ""))
    return f"REINDEX {name}" if name else ""


def _vacuum(node: Node) -> str:
    return "VACUUM" if node.get("is_vacuumcmd") else ""


def _cluster(node: Node) -> str:
    return "" if node.get("relation") else "CLUSTER of every table"


def _alter_table(node: Node) -> str:
    for command in commands("AlterTableStmt", node):
        partition = command.get("def", {}).get("PartitionCmd", {})
        if command.get("subtype") == "AT_DetachPartition" and partition.get("concurrent"):
            return "ALTER TABLE … DETACH PARTITION … CONCURRENTLY"
    return ""


def _subscription(node: Node) -> str:
    connect = _option(node, "connect")
    slot = _option(node, "create_slot")
    creates = (connect is None or _is_on(connect)) if slot is None else _is_on(slot)
    return "CREATE SUBSCRIPTION with a replication slot" if creates else ""


def _discard(node: Node) -> str:
    return "DISCARD ALL" if node.get("target") == "DISCARD_ALL" else ""


def _alter_database(node: Node) -> str:
    return "ALTER DATABASE … SET TABLESPACE" if _option(node, "tablespace") else ""


def _always(words: str) -> Callable[[Node], str]:
    return lambda _node: words


_JUDGES: dict[str, Callable[[Node], str]] = {
    "IndexStmt": _index,
    "DropStmt": _drop,
    "ReindexStmt": _reindex,
    "VacuumStmt": _vacuum,
    "ClusterStmt": _cluster,
    "RepackStmt": _cluster,
    "AlterTableStmt": _alter_table,
    "CreateSubscriptionStmt": _subscription,
    "DropSubscriptionStmt": _always("DROP SUBSCRIPTION"),
    "DiscardStmt": _discard,
    "AlterDatabaseStmt": _alter_database,
    "AlterSystemStmt": _always("ALTER SYSTEM"),
    "CreatedbStmt": _always("CREATE DATABASE"),
    "DropdbStmt": _always("DROP DATABASE"),
    "CreateTableSpaceStmt": _always("CREATE TABLESPACE"),
    "DropTableSpaceStmt": _always("DROP TABLESPACE"),
}

"""Decides from the comments and statements of a file whether the file runs outside a transaction.

PostgreSQL does not allow some statements inside a transaction block. The list of these statements was measured on
PostgreSQL 14 to 18, with the same result on each version. `tests/sql/refused_inside_a_transaction.json` has the result,
and `tests/sql/test_transaction_block.py` checks each statement.

`CALL` and `DO` also fail inside a transaction block if their body commits. A parser cannot detect this case. The server
reports the error, and the transaction is rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ..lazy import regex
from .batch import DIRECTIVE
from .nodes import Node, commands, option, switched_on
from .tokens import comment_lines

NO_TRANSACTION = regex(
    r"^--[ \t]*(ctgitops:[ \t]*no[ -]transaction[ \t]*|migrate:(up|down)\b.*\btransaction:false\b.*)$",
    re.MULTILINE | re.IGNORECASE,
)

_CONTROL = {
    "TRANS_STMT_BEGIN": "BEGIN",
    "TRANS_STMT_START": "START TRANSACTION",
    "TRANS_STMT_COMMIT": "COMMIT",
    "TRANS_STMT_ROLLBACK": "ROLLBACK",
    "TRANS_STMT_PREPARE": "PREPARE TRANSACTION",
    "TRANS_STMT_COMMIT_PREPARED": "COMMIT PREPARED",
    "TRANS_STMT_ROLLBACK_PREPARED": "ROLLBACK PREPARED",
}


def why_outside_transaction(sql: str, refused: Iterator[tuple[str, int]]) -> tuple[str, int] | None:
    """Why the file runs outside a transaction, and the cause's offset in characters. None if it runs in a transaction.

    The cause is a comment (see `no_transaction_line`), or else the first item of `refused`. `refused` yields the
    statements that PostgreSQL does not allow inside a transaction, with their offsets. `refused` is not read if a
    comment decides.
    """
    return no_transaction_line(sql) or next(refused, None)


def no_transaction_line(sql: str) -> tuple[str, int] | None:
    """The comment that makes a file run outside a transaction, and its offset in characters. None if there is none.

    The comments are `-- ctgitops: no transaction`, `-- ctgitops: batch …` and dbmate's `-- migrate:up
    transaction:false`.
    """
    lines = (found for pattern in (NO_TRANSACTION, DIRECTIVE) for found in comment_lines(pattern, sql))
    return next(((f"its line `{found[0].strip()}`", found.start()) for found in lines), None)


def transaction_control(kind: str, node: Node) -> str:
    """The keywords of a statement that begins or ends a transaction. Empty for all others, including savepoints."""
    return _CONTROL.get(node.get("kind", ""), "") if kind == "TransactionStmt" else ""


def transaction_options(kind: str, node: Node) -> str:
    """The options of a BEGIN or COMMIT, such as `ISOLATION LEVEL SERIALIZABLE` or `AND CHAIN`. Empty without options.

    Omits READ WRITE and NOT DEFERRABLE, because they are the defaults of a transaction that writes.
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
    """The name of a command that PostgreSQL does not allow inside a transaction block. Otherwise empty."""
    judge = _JUDGES.get(kind)
    return judge(node) if judge else ""


def _reindex(node: Node) -> str:
    if switched_on(node.get("params", ()), "concurrently"):
        return "REINDEX CONCURRENTLY"
    name = node.get("kind", "").removeprefix("REINDEX_OBJECT_")
    return f"REINDEX {name}" if name in {"SCHEMA", "DATABASE", "SYSTEM"} else ""


def _cluster(node: Node) -> str:
    return "" if node.get("relation") else "CLUSTER without a table"


def _alter_table(node: Node) -> str:
    for command in commands("AlterTableStmt", node):
        partition = command.get("def", {}).get("PartitionCmd", {})
        if command.get("subtype") == "AT_DetachPartition" and partition.get("concurrent"):
            return "ALTER TABLE … DETACH PARTITION … CONCURRENTLY"
    return ""


def _subscription(node: Node) -> str:
    options = node.get("options", ())
    decides = "connect" if option(options, "create_slot") is None else "create_slot"
    creates = option(options, decides) is None or switched_on(options, decides)
    return "CREATE SUBSCRIPTION with a replication slot" if creates else ""


def _discard(node: Node) -> str:
    return "DISCARD ALL" if node.get("target") == "DISCARD_ALL" else ""


def _alter_database(node: Node) -> str:
    return "ALTER DATABASE … SET TABLESPACE" if option(node.get("options", ()), "tablespace") else ""


def _if(flag: str, words: str) -> Callable[[Node], str]:
    return lambda node: words if node.get(flag) else ""


def _always(words: str) -> Callable[[Node], str]:
    return lambda _node: words


_JUDGES: dict[str, Callable[[Node], str]] = {
    "IndexStmt": _if("concurrent", "CREATE INDEX CONCURRENTLY"),
    "DropStmt": _if("concurrent", "DROP INDEX CONCURRENTLY"),
    "ReindexStmt": _reindex,
    "VacuumStmt": _if("is_vacuumcmd", "VACUUM"),
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

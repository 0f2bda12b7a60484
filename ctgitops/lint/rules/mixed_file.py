"""Reports a file with a statement that cannot run in a transaction, and with other statements."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, Rule, Severity

_HARMLESS = {"VariableSetStmt", "SelectStmt", "CommentStmt"}


def check(case: Case) -> Hits:
    """Reports the first statement that could run in a transaction."""
    transaction = case.transaction
    if transaction.whole or transaction.batched or transaction.statements < 2 or transaction.mixed_reported:
        return
    if case.kind not in _HARMLESS and not case.refused:
        transaction.mixed_reported = True
        yield Hit(
            "this statement is not rolled back if another statement fails, because the file runs without a transaction"
        )


RULE = Rule(
    id="mixed-file",
    group=Group.TRANSACTION,
    severity=Severity.WARNING,
    kinds=(),
    why="A file with a statement that cannot run inside a transaction, such as CREATE INDEX CONCURRENTLY, runs "
    "statement by statement. If a statement fails, the earlier ones stay committed.",
    instead="move the statements that can run inside a transaction to a separate migration",
    check=check,
    bad="alter table orders add column region text;\ncreate index concurrently orders_region on orders (region);",
    good="alter table orders add column region text;\n-- next file\n"
    "create index concurrently orders_region on orders (region);",
)

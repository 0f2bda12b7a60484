"""Reports a file that mixes a statement that cannot run in a transaction with other statements."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ..rule import Group, Hit, Rule
from ..rule_input import Case

_HARMLESS = {"VariableSetStmt", "SelectStmt", "CommentStmt"}


def check(case: Case) -> Iterator[Hit]:
    """Reports the first statement that could have run in a transaction."""
    transaction = case.transaction
    if transaction.whole or transaction.batched or transaction.statements < 2 or transaction.told_mixed:
        return
    if case.kind not in _HARMLESS and not case.refused:
        transaction.told_mixed = True
        yield Hit("if another statement of this file fails, this one stays: the file is no transaction")


RULE = Rule(
    id="mixed-file",
    group=Group.TRANSACTION,
    severity=Severity.WARNING,
    kinds=(),
    why="CREATE INDEX CONCURRENTLY and its like cannot run inside a transaction, so a file with one of them runs "
    "statement by statement, and can stop half way.",
    instead="put what a transaction can hold into a migration of its own",
    check=check,
    bad="alter table orders add column region text;\ncreate index concurrently orders_region on orders (region);",
    good="alter table orders add column region text;\n-- next file\n"
    "create index concurrently orders_region on orders (region);",
)

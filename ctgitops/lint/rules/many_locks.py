"""Reports a transaction that locks several tables in use."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..nodes import written
from ..rule import Group, Hit, Rule
from ..rule_input import Case

MOST = 3
"""Maximum number of tables in use that one file may lock."""


def check(case: Case) -> Iterator[Hit]:
    """Reports once, at the statement that exceeds the limit."""
    before = {name for name, mode in case.transaction.held.items() if mode is LockMode.ACCESS_EXCLUSIVE}
    now = {name for name, mode in case.locks.items() if mode is LockMode.ACCESS_EXCLUSIVE}
    if case.transaction.whole and len(before) <= MOST < len(before | now):
        names = ", ".join(sorted(written(name) for name in before | now))
        yield Hit(f"one transaction locks {len(before | now)} tables until its end: {names}")


RULE = Rule(
    id="many-locks",
    group=Group.LOCKS,
    severity=Severity.OFF,
    kinds=("AlterTableStmt", "DropStmt", "TruncateStmt", "RenameStmt", "LockStmt"),
    why="Each lock is held until the last statement is done, and an application that takes the same locks in another "
    "order can end in a deadlock.",
    instead="change each table in a migration of its own",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    given="create table a (id int);\ncreate table b (id int);",
    bad="alter table a add column n int;\nalter table b add column n int;\nalter table orders add column n int;\n"
    "alter table customers add column n int;",
    good="alter table a add column n int;\n-- next file\nalter table b add column n int;",
)

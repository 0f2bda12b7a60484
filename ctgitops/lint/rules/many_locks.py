"""Reports a transaction that locks several tables in use."""

from __future__ import annotations

from ...sql.nodes import written
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity

MOST = 3
"""Maximum number of tables in use that one file may lock."""


def check(case: Case) -> Hits:
    """Reports once per file, at the statement that exceeds the limit."""
    before = {name for name, mode in case.transaction.held.items() if mode is LockMode.ACCESS_EXCLUSIVE}
    now = {name for name, mode in case.locks.items() if mode is LockMode.ACCESS_EXCLUSIVE}
    if case.transaction.whole and len(before) <= MOST < len(before | now):
        names = ", ".join(f"`{written(name)}`" for name in sorted(before | now))
        yield Hit(f"holds ACCESS EXCLUSIVE locks on {len(before | now)} tables until COMMIT: {names}")


RULE = Rule(
    id="many-locks",
    group=Group.LOCKS,
    severity=Severity.OFF,
    kinds=("AlterTableStmt", "DropStmt", "TruncateStmt", "RenameStmt", "LockStmt"),
    why="A transaction that locks many tables holds every lock until COMMIT. It can deadlock with an application that "
    "locks the same tables in another order.",
    instead="change each table in a separate migration",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    given="create table a (id int);\ncreate table b (id int);",
    bad="alter table a add column n int;\nalter table b add column n int;\nalter table orders add column n int;\n"
    "alter table customers add column n int;",
    good="alter table a add column n int;\n-- next file\nalter table b add column n int;",
)

"""Reports CREATE TRIGGER on a table in use."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Reports a trigger on a table in use. CREATE TRIGGER takes no time, but it must wait for a lock."""
    table = case.in_use(case.node.get("relation", {}))
    if table:
        yield Hit(f"blocks writes to `{called(table)}` until COMMIT; later writes run the trigger")


RULE = Rule(
    id="trigger-lock",
    group=Group.LOCKS,
    severity=Severity.OFF,
    kinds=("CreateTrigStmt",),
    why="CREATE TRIGGER holds a SHARE ROW EXCLUSIVE lock on the table until COMMIT. The statement itself is instant, "
    "but the lock request waits for all running writes.",
    instead="keep slow statements out of the same file",
    check=check,
    lock=LockMode.SHARE_ROW_EXCLUSIVE,
    given="create function touch() returns trigger language plpgsql as 'begin return new; end';",
    bad="create trigger touch before update on orders for each row execute function touch();",
    good="create function touched() returns trigger language plpgsql as 'begin return new; end';",
)

"""Reports CREATE TRIGGER on a table in use."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """CREATE TRIGGER is instant once it has its lock."""
    table = case.in_use(case.node.get("relation", {}))
    if table:
        yield Hit(f"writes to {called(table)} wait until this is committed, and then run the trigger")


RULE = Rule(
    id="trigger-lock",
    group=Group.LOCKS,
    severity=Severity.OFF,
    kinds=("CreateTrigStmt",),
    why="CREATE TRIGGER takes a SHARE ROW EXCLUSIVE lock and holds it until the transaction ends. It is instant, "
    "but it waits for every write that runs.",
    instead="keep it in a file with nothing slow in it",
    check=check,
    lock=LockMode.SHARE_ROW_EXCLUSIVE,
    given="create function touch() returns trigger language plpgsql as 'begin return new; end';",
    bad="create trigger touch before update on orders for each row execute function touch();",
    good="create function touched() returns trigger language plpgsql as 'begin return new; end';",
)

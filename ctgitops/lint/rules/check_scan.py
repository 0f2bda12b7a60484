"""Reports a CHECK constraint that is validated while reads and writes are blocked."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Reports the CHECK of a new column too, even if every value is null."""
    for table, node, added in case.added_constraints("CONSTR_CHECK"):
        if node.get("skip_validation") or not case.has_rows(table):
            continue
        name = node.get("conname", "")
        if added is None and name and _merges(case, table.constraints, name):
            continue
        instead = "" if added is None else "add the column without it, then ADD CONSTRAINT … NOT VALID, and VALIDATE"
        what = f"reads and writes of {called(table)} wait until every row is checked"
        yield Hit(what, instead, part=added.definition if added else node)


def _merges(case: Case, constraints: object, name: str) -> bool:
    return case.catalog.complete and isinstance(constraints, dict) and name in constraints


RULE = Rule(
    id="check-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="ADD CONSTRAINT … CHECK reads the whole table under an ACCESS EXCLUSIVE lock. NOT VALID holds new rows to the "
    "constraint without that; VALIDATE then reads the old ones while reads and writes go on.",
    instead="ADD CONSTRAINT … CHECK (…) NOT VALID, then VALIDATE CONSTRAINT in a migration of its own",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders add constraint amount_positive check (amount > 0);",
    good="alter table orders add constraint amount_positive check (amount > 0) not valid;\n-- next file\n"
    "alter table orders validate constraint amount_positive;",
)

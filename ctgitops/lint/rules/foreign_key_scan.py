"""Reports a foreign key that is validated while writes to both tables are blocked."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..added_columns import referenced
from ..nodes import written
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Skips a new column without a default: all its values are null, so PostgreSQL checks no row."""
    for table, node, added in case.added_constraints("CONSTR_FOREIGN"):
        if node.get("skip_validation") or not case.has_rows(table):
            continue
        if added is not None and not (added.serial or added.identity or any(added.of("CONSTR_DEFAULT"))):
            continue  # PostgreSQL checks the rows even if the default is NULL
        other = written(referenced(node))
        both = called(table) if other == called(table) else f"{called(table)} and {other}"
        what = f"writes to {both} wait until every row of {called(table)} is checked"
        yield Hit(what, part=added.definition if added else node)


RULE = Rule(
    id="foreign-key-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="ADD FOREIGN KEY looks up every row under a SHARE ROW EXCLUSIVE lock on both tables. NOT VALID holds new rows "
    "to it without that; VALIDATE then looks at the old ones while writes go on.",
    instead="ADD CONSTRAINT … FOREIGN KEY … NOT VALID, then VALIDATE CONSTRAINT in a migration of its own",
    check=check,
    lock=LockMode.SHARE_ROW_EXCLUSIVE,
    blocks=True,
    bad="alter table orders add constraint orders_customer foreign key (customer_id) references customers (id);",
    good="alter table orders add constraint orders_customer foreign key (customer_id) references customers (id) "
    "not valid;\n-- next file\nalter table orders validate constraint orders_customer;",
)

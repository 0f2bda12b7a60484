"""Reports a foreign key that is validated while writes to both tables are blocked.

On PostgreSQL 18.4, ALTER CONSTRAINT … ENFORCED takes ACCESS EXCLUSIVE on the table, SHARE ROW EXCLUSIVE on the
referenced table, and checks every row. PostgreSQL checks no row if the constraint is already enforced but NOT VALID.
PostgreSQL 18 accepts ENFORCED for foreign keys only.
"""

from __future__ import annotations

from ...sql.nodes import written
from ..added_columns import referenced, target
from ..fixes import not_valid
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called

_ADD_AGAIN = "drop the constraint, add it as NOT VALID, then VALIDATE it in a separate migration"


def check(case: Case) -> Hits:
    """Skips a new column without a default. All its values are null, so PostgreSQL checks no row."""
    yield from _enforced(case)
    for table, node, added in case.added_constraints("CONSTR_FOREIGN"):
        if node.get("skip_validation"):
            continue
        if added is not None and not (added.serial or added.identity or any(added.of("CONSTR_DEFAULT"))):
            continue  # PostgreSQL checks the rows even if the default is NULL
        other = written(referenced(node))
        both = f"`{called(table)}`" if other == called(table) else f"`{called(table)}` and `{other}`"
        what = f"blocks writes to {both} while every row of `{called(table)}` is checked"
        yield Hit(what, part=added.definition if added else node)


def _enforced(case: Case) -> Hits:
    table = case.altered_with_rows
    for command in case.parts("AT_AlterConstraint") if table else ():
        part = target(command)
        known = table.constraints.get(part.get("conname", "")) if table else None
        if table and part.get("alterEnforceability") and part.get("is_enforced") and not (known and known.enforced):
            other = f", and writes to `{written(known.refers_to)}`," if known and known.refers_to else ""
            what = (
                f"blocks reads and writes on `{called(table)}`{other} while every row of `{called(table)}` is checked"
            )
            yield Hit(what, _ADD_AGAIN, lock=LockMode.ACCESS_EXCLUSIVE, part=part)


RULE = Rule(
    id="foreign-key-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="Adding a foreign key checks every row under a SHARE ROW EXCLUSIVE lock on both tables, which blocks writes. "
    "With NOT VALID there is no scan, and the constraint applies to new rows; VALIDATE CONSTRAINT then checks existing "
    "rows without blocking writes.",
    instead="use ADD CONSTRAINT … FOREIGN KEY … NOT VALID, then VALIDATE CONSTRAINT in a separate migration",
    check=check,
    lock=LockMode.SHARE_ROW_EXCLUSIVE,
    blocks=True,
    fix=not_valid,
    bad="alter table orders add constraint orders_customer foreign key (customer_id) references customers (id);",
    good="alter table orders add constraint orders_customer foreign key (customer_id) references customers (id) "
    "not valid;\n-- next file\nalter table orders validate constraint orders_customer;",
)

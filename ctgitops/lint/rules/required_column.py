"""Reports a new column that is NOT NULL and has no default."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Reports a NOT NULL column that would be NULL in existing rows, because the statement then fails."""
    for table, added in case.added_columns:
        domain = case.catalog.domain(added.type)
        default = added.default if added.default is not None else domain and domain.default
        filled = default is not None or added.generated or added.serial or added.identity
        if added.not_null and not filled:
            what = f"fails if `{called(table)}` has rows, because `{added.name}` would be NULL in them"
            yield Hit(what, part=added.definition)


RULE = Rule(
    id="required-column",
    group=Group.COMPATIBILITY,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="Adding a NOT NULL column without a default fails if the table has rows. If the table is "
    "empty, inserts by code that does not know the column fail later.",
    instead="give the column a constant DEFAULT, or add it nullable, backfill it in batches, then make it NOT NULL",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table customers add column region text not null;",
    good="alter table customers add column region text not null default 'unknown';",
)

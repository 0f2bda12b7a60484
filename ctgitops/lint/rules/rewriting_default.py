"""Reports a new column whose default rewrites the table."""

from __future__ import annotations

from ..added_columns import AddedColumn
from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called
from ..volatility import volatile_call


def check(case: Case) -> Hits:
    """A default evaluated once is stored in the catalog; any other is written to each row."""
    for table, added in case.added_columns:
        if why := _why(case, added):
            what = f"blocks reads and writes on `{called(table)}` while it is rewritten, because {why}"
            yield Hit(what, part=added.definition)


def _why(case: Case, added: AddedColumn) -> str:
    if added.serial or added.identity:
        return f"`{added.name}` gets a sequence value in each row"
    if added.generated == "stored":
        return f"`{added.name}` is a stored generated column"
    if added.generated:
        return ""
    domain = case.catalog.domain(added.type)
    if case.catalog.checked(added.type):
        return f"`{added.type.name}` is a domain with a constraint"
    default = added.default if added.default is not None else domain.default if domain else None
    volatile = volatile_call(default, case.catalog)
    return f"`{volatile}()` is volatile" if volatile else ""


RULE = Rule(
    id="rewriting-default",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="Adding a column with a volatile default, serial, identity or GENERATED … STORED rewrites the whole table and "
    "its indexes under an ACCESS EXCLUSIVE lock. A constant default, or one that is evaluated once such as now(), does "
    "not.",
    instead="add the column nullable, SET DEFAULT for new rows in the same file, and backfill existing rows in batches",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders add column token uuid default gen_random_uuid();",
    good="alter table orders add column token uuid;\nalter table orders alter column token set default "
    "gen_random_uuid();",
)

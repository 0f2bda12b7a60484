"""Reports a new column whose default rewrites the table."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..added_columns import AddedColumn
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called
from ..volatility import volatile_call


def check(case: Case) -> Iterator[Hit]:
    """A default evaluated once is stored in the catalog; any other is written to each row."""
    for table, added in case.added_columns():
        why = _why(case, added)
        if why and case.has_rows(table):
            what = f"reads and writes of {called(table)} wait while every row is written anew: {why}"
            yield Hit(what, part=added.definition)


def _why(case: Case, added: AddedColumn) -> str:
    if added.serial or added.identity:
        return f"{added.name} numbers the rows that are there"
    if added.generated == "stored":
        return f"{added.name} is generated and stored"
    if added.generated:
        return ""
    domain = case.catalog.domain(added.type)
    if case.catalog.checked(added.type):
        return f"{added.type.name} is a domain with a constraint"
    default = added.default if added.default is not None else domain.default if domain else None
    called_ = volatile_call(default, case.catalog)
    return f"{called_}() gives each row another value" if called_ else ""


RULE = Rule(
    id="rewriting-default",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="A default that is a constant, or that is worked out once such as now(), is not written into rows. A volatile "
    "function, serial, an identity or a stored generated column is: the table and its indexes are written anew under "
    "an ACCESS EXCLUSIVE lock.",
    instead="add the column nullable, SET DEFAULT for new rows in the same file, and fill old rows in batches",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders add column token uuid default gen_random_uuid();",
    good="alter table orders add column token uuid;\nalter table orders alter column token set default "
    "gen_random_uuid();",
)

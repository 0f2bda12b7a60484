"""Reports a new column that is NOT NULL and has no default."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """The statement fails if the table has rows; on an empty table, it scans for them."""
    for table, added in case.added_columns():
        filled = added.default is not None or added.generated or added.serial or added.identity
        if added.not_null and not filled and _default_of(case, added.type) is None and case.has_rows(table):
            what = f"it fails as soon as {called(table)} has a row: {added.name} would be null there"
            yield Hit(what, part=added.definition)


def _default_of(case: Case, type_: object) -> object:
    domain = case.catalog.domain(type_)  # type: ignore[arg-type]
    return domain.default if domain else None


RULE = Rule(
    id="required-column",
    group=Group.COMPATIBILITY,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="A column that is NOT NULL and has no default cannot be added to a table with rows. Where there are none, code "
    "that does not know the column yet can no longer insert any.",
    instead="give it a constant DEFAULT, or add it nullable, fill it in batches, and make it NOT NULL afterwards",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table customers add column region text not null;",
    good="alter table customers add column region text not null default 'unknown';",
)

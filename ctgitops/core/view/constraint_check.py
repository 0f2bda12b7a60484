"""Results of `verify --deep`: constraints that PostgreSQL marks as valid although existing rows violate them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...lazy import dataclass
from ..problem import Concern, Problem

MOST_ROWS = 1000
"""The maximum number of violating rows that are counted for one constraint."""


@dataclass(frozen=True)
class Checked:
    """The result of checking one constraint or unique index."""

    kind: str
    """`foreign key`, `CHECK constraint`, `NOT NULL` or `unique index`."""
    name: str
    """The constraint's name and table, such as `b_a_fkey of public.b`."""
    rows_in: str
    """The text after `select … from` in the query that selects the violating rows."""
    rows: int = 0
    """The number of violating rows, at most MOST_ROWS. For a unique index, the number of duplicate values."""
    unknown: str = ""
    """Why the rows were not counted. Empty if the rows were counted."""

    def counted(self, rows: int) -> Checked:
        """A copy with the number of violating rows."""
        return replace(self, rows=rows)

    def not_known(self, why: str) -> Checked:
        """A copy with the reason why the rows were not counted."""
        return replace(self, unknown=why)


def deep_problems(checked: tuple[Checked, ...]) -> Iterator[Problem]:
    """A problem for each constraint that is violated or could not be checked."""
    for each in checked:
        if each.unknown:
            what = f"{each.kind} {each.name} was not checked: {each.unknown}"
            hint = f"count the violating rows: `select count(*) from {each.rows_in}`"  # noqa: S608 - only displayed
            yield Problem("not-checked", what, hint=hint, blocks=False, concern=Concern.LEDGER)
        elif each.rows:
            yield Problem("rows-break-constraint", _broken(each), hint=_hint(each), concern=Concern.LEDGER)


def _broken(each: Checked) -> str:
    many = f"{MOST_ROWS:,} or more" if each.rows >= MOST_ROWS else f"{each.rows:,}"
    one = each.rows == 1
    if each.kind == "unique index":
        return f"{many} {'value occurs' if one else 'values occur'} more than once, although {each.name} is unique"
    return f"{many} {'row violates' if one else 'rows violate'} {each.kind} {each.name}, which PostgreSQL assumes valid"


def _hint(each: Checked) -> str:
    if each.kind == "unique index":
        index = each.name.partition(" of ")[0]
        return f"remove the duplicates, then `REINDEX INDEX CONCURRENTLY {index};`"
    star = "f.*" if each.kind == "foreign key" else "*"
    query = f"select {star} from {each.rows_in}"  # noqa: S608 - only displayed
    return f"find the rows with `{query}`, and correct or delete them"

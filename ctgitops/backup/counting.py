"""Reads the contents of a database, or of a part of it. Counts rows, and lists the objects of the schema."""

from __future__ import annotations

from concurrent.futures import Future

from ..postgres.catalog.database_part import DatabasePart
from ..postgres.catalog.exported_snapshot import ExportedSnapshot, name_of
from .child_process import OutOfTimeError
from .proof import Contents

Counted = tuple[dict[str, int], dict[str, str]]
"""A map from tables to row counts, and a map from critical tables to digests of their rows."""


def contents_of(
    snapshot: ExportedSnapshot, critical: tuple[str, ...] = (), part: DatabasePart | None = None
) -> Contents:
    """Reads the contents of a restored database, which no other session uses."""
    sequences = {name: (value, value) for name, value in snapshot.sequences(part).items()}
    return contents(snapshot, count(snapshot, critical, part), sequences, part)


def in_time(counting: Future[Counted], seconds: float | None) -> Counted:
    """The result of a count. Raises OutOfTimeError if it takes longer than `seconds`."""
    try:
        return counting.result(seconds)
    except TimeoutError:
        raise OutOfTimeError from None


def count(snapshot: ExportedSnapshot, critical: tuple[str, ...], part: DatabasePart | None) -> Counted:
    """Counts the rows of all tables, or of the part's tables. Computes digests of the critical tables."""
    saved = {name_of(*each) for each in part.saved} if part else critical
    return snapshot.count_rows(part), snapshot.digests(tuple(each for each in critical if each in saved))


def contents(
    snapshot: ExportedSnapshot, counted: Counted, sequences: dict[str, tuple[int, int]], part: DatabasePart | None
) -> Contents:
    """The contents of the snapshot. Leaves out foreign keys that the part alone may violate."""
    rows, digests = counted
    left_out = tuple(f"constraint {key}: " for key in part.foreign_keys.values()) if part else ()

    def inventory(*, exact: bool) -> tuple[str, ...]:
        return tuple(line for line in snapshot.inventory(exact=exact, part=part) if not line.startswith(left_out))

    return Contents(
        major=snapshot.server_major(),
        rows=rows,
        digests=digests,
        sequences=sequences,
        inventory=inventory(exact=False),
        exact_inventory=inventory(exact=True),
        extensions=snapshot.extensions(),
        roles=snapshot.roles(),
        locale=snapshot.locale(),
        left_out=snapshot.left_out(),
        public=snapshot.public(),
    )

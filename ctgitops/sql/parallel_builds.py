"""Finds the index builds of a script that may run at the same time. Pure.

Only two kinds of statements count as builds: CREATE INDEX CONCURRENTLY with a name, and REINDEX TABLE CONCURRENTLY.
Each of them locks one table, whose name is in the statement. All other statements are barriers: everything before a
barrier is done before it starts, and nothing after it starts before it is done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from .interruption import LeftoverKind

if TYPE_CHECKING:
    from .parse import Statement

ALONE = ""
"""The table of a statement that must not run beside another build."""


def table_built_on(statement: Statement) -> str:
    """The table of a build, as in the file. ALONE for any other statement.

    PostgreSQL chooses the name of an index without a name, and two builds could choose the same name. REINDEX INDEX
    does not name its table.
    """
    left = statement.leftovers
    if left is None:
        return ALONE
    if left.what is LeftoverKind.INDEX and left.name:
        return left.table
    if left.what is LeftoverKind.REINDEXED and left.catalogue == "table":
        return left.name
    return ALONE


def segments(statements: Sequence[Statement]) -> tuple[tuple[int, ...], ...]:
    """The positions of all statements, counted from 1 and in file order, in segments of consecutive statements.

    A segment with more than one position contains only builds, which all create differently named indexes.
    """
    found: list[list[int]] = []
    names: set[str] = set()
    extends = False
    for position, statement in enumerate(statements, start=1):
        builds, name = table_built_on(statement) != ALONE, _index_name(statement)
        if not (extends and builds) or name in names:
            found.append([])
            names = set()
        found[-1].append(position)
        names |= {name} if name else set()
        extends = builds
    return tuple(map(tuple, found))


def _index_name(statement: Statement) -> str:
    """The name of the index that a build creates. Empty for another statement."""
    left = statement.leftovers
    return left.name if left and left.what is LeftoverKind.INDEX else ""


def most_builds(statements: Sequence[Statement]) -> int:
    """The largest number of statements that can run at the same time. 1 without builds of different tables."""
    tables = ({table_built_on(statements[n - 1]) for n in segment} for segment in segments(statements))
    return max(map(len, tables), default=1)


def next_build(waiting: Sequence[int], running: Collection[int], tables: Mapping[int, str]) -> int | None:
    """The first position in `waiting` that may start beside the builds `running`. None if all must wait.

    `tables` maps each position to its table. Two builds with the same table never run at the same time, and start in
    file order. A build with the table ALONE waits for all earlier builds, and all later builds wait for it.
    """
    taken = {tables[position] for position in running}
    for position in waiting:
        table = tables[position]
        if ALONE in taken or (table == ALONE and taken):
            return None
        if table not in taken:
            return position
    return None

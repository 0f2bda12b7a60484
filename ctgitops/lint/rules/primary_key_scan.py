"""Reports PRIMARY KEY USING INDEX on a nullable column, which scans the table."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..constraint_proof import proved_not_null
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called


def check(case: Case) -> Iterator[Hit]:
    """Assumes that the columns of an unknown index are not nullable."""
    for table, node, _ in case.added_constraints("CONSTR_PRIMARY"):
        index = case.catalog.indexes.get((table.name[0], node.get("indexname", "")))
        if index is None or not case.has_rows(table):
            continue
        nullable = sorted(name for name in index.columns if not proved_not_null(table, name))
        if nullable:
            what = f"reads and writes of {called(table)} wait until every row is seen to have {' and '.join(nullable)}"
            yield Hit(what, part=node)


RULE = Rule(
    id="primary-key-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="A primary key's columns are NOT NULL. Where they are not yet, PostgreSQL reads the whole table under an "
    "ACCESS EXCLUSIVE lock to see that no value is null.",
    instead="make the column NOT NULL first, by a CHECK that is validated while writes go on",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    given="create table lines (number bigint);\ncreate unique index lines_number on lines (number);",
    bad="alter table lines add primary key using index lines_number;",
    good="alter table lines add constraint number_there check (number is not null) not valid;\n-- next file\n"
    "alter table lines validate constraint number_there;\n-- next file\n"
    "alter table lines alter column number set not null;\n"
    "alter table lines drop constraint number_there;\n"
    "alter table lines add primary key using index lines_number;",
)

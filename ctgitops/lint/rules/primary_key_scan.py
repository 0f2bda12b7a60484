"""Reports PRIMARY KEY USING INDEX on a nullable column, which scans the table."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called


def check(case: Case) -> Hits:
    """Assumes that the columns of an unknown index are not nullable."""
    for table, node, _ in case.added_constraints("CONSTR_PRIMARY"):
        index = case.catalog.indexes.get((table.name[0], node.get("indexname", "")))
        nullable = sorted(name for name in index.columns if not table.proved_not_null(name)) if index else []
        if nullable:
            names = " and ".join(f"`{name}`" for name in nullable)
            what = f"blocks reads and writes on `{called(table)}` while every row is checked for NULL in {names}"
            yield Hit(what, part=node)


RULE = Rule(
    id="primary-key-scan",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="Adding a primary key sets its columns NOT NULL, which scans the whole table under an ACCESS EXCLUSIVE lock if "
    "they are nullable.",
    instead="make the columns NOT NULL first: add CHECK (… IS NOT NULL) as NOT VALID, VALIDATE it, then SET NOT NULL",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    given="create table lines (number bigint);\ncreate unique index lines_number on lines (number);",
    bad="alter table lines add primary key using index lines_number;",
    good="alter table lines add constraint number_not_null check (number is not null) not valid;\n-- next file\n"
    "alter table lines validate constraint number_not_null;\n-- next file\n"
    "alter table lines alter column number set not null;\n"
    "alter table lines drop constraint number_not_null;\n"
    "alter table lines add primary key using index lines_number;",
)

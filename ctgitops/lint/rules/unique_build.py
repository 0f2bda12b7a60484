"""Reports UNIQUE, PRIMARY KEY and EXCLUDE constraints whose index build blocks reads and writes."""

from __future__ import annotations

from ..rule import Case, Group, Hit, Hits, LockMode, Rule, Severity, called

_EXCLUSION = "run the statement in a maintenance window: PostgreSQL cannot build an exclusion constraint CONCURRENTLY"
_COLUMN = "add the column alone, then CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX"


def check(case: Case) -> Hits:
    """Skips USING INDEX, which uses an existing index."""
    for table, node, added in case.added_constraints("CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_EXCLUSION"):
        if "indexname" not in node:
            instead = _EXCLUSION if node.get("contype") == "CONSTR_EXCLUSION" else _COLUMN if added is not None else ""
            what = f"blocks reads and writes on `{called(table)}` while the index is built"
            yield Hit(what, instead, part=added.definition if added else node)


RULE = Rule(
    id="unique-build",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="Adding a UNIQUE or PRIMARY KEY constraint builds its index under an ACCESS EXCLUSIVE lock, which blocks even "
    "reads. Adding the constraint USING an index that was built CONCURRENTLY is instant.",
    instead="use CREATE UNIQUE INDEX CONCURRENTLY in a separate migration, then ADD CONSTRAINT … USING INDEX",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders add constraint orders_number unique (number);",
    good="create unique index concurrently orders_number on orders (number);\n-- next file\n"
    "alter table orders add constraint orders_number unique using index orders_number;",
)

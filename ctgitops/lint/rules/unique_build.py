"""Reports UNIQUE, PRIMARY KEY and EXCLUDE constraints whose index is built while reads and writes are blocked."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ...sql.locks import LockMode
from ..rule import Group, Hit, Rule
from ..rule_input import Case, called

_NO_OTHER_WAY = "there is no way to build an exclusion constraint while writes go on: do it when nobody is there"


def check(case: Case) -> Iterator[Hit]:
    """Skips USING INDEX, which builds nothing."""
    for table, node, added in case.added_constraints("CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_EXCLUSION"):
        if "indexname" in node or not case.has_rows(table):
            continue
        instead = _NO_OTHER_WAY if node.get("contype") == "CONSTR_EXCLUSION" else ""
        if added is not None and not instead:
            instead = "add the column alone, CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX"
        what = f"reads and writes of {called(table)} wait until its index is built"
        yield Hit(what, instead, part=added.definition if added else node)


RULE = Rule(
    id="unique-build",
    group=Group.LOCKS,
    severity=Severity.ERROR,
    kinds=("AlterTableStmt",),
    why="UNIQUE and PRIMARY KEY build their index under an ACCESS EXCLUSIVE lock: not even reads go on. An index that "
    "was built with CONCURRENTLY can be made the constraint's in an instant.",
    instead="CREATE UNIQUE INDEX CONCURRENTLY in a migration of its own, then ADD CONSTRAINT … USING INDEX",
    check=check,
    lock=LockMode.ACCESS_EXCLUSIVE,
    blocks=True,
    bad="alter table orders add constraint orders_number unique (number);",
    good="create unique index concurrently orders_number on orders (number);\n-- next file\n"
    "alter table orders add constraint orders_number unique using index orders_number;",
)

"""Reports dynamic SQL, whose text is known only at run time."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.workspace.finding import Severity
from ..rule import Group, Hit, Rule
from ..rule_input import Case


def check(_case: Case) -> Iterator[Hit]:
    """Reports nothing: these findings come from reading blocks."""
    yield from ()


RULE = Rule(
    id="dynamic-sql",
    group=Group.TRANSACTION,
    severity=Severity.NOTICE,
    kinds=("Unread",),
    why="A DO block is read as if each of its statements ran, also those that it puts together of constants. What it "
    "asks the database for is known only when it runs: then a name stands as … in other findings.",
    instead="read it with care, and try it on a copy of the schema",
    check=check,
    bad="do $$ declare t text; begin select max(relname) into t from pg_class where relname = 'orders';\n"
    "execute 'analyze ' || t; end $$;",
    good="do $$ begin execute 'analyze orders'; end $$;",
)

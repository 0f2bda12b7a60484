"""SQL that is put together while it runs."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.finding import Severity
from ..case import Case
from ..rule import Group, Hit, Rule


def check(_case: Case) -> Iterator[Hit]:
    """Found where blocks are read, not here."""
    yield from ()


RULE = Rule(
    id="dynamic-sql",
    group=Group.TRANSACTION,
    severity=Severity.NOTICE,
    kinds=("Unread",),
    why="A DO block is read as if each of its statements ran. SQL that it puts together itself is known only when it "
    "runs.",
    instead="read it with care, and try it on a copy of the schema",
    check=check,
    bad="do $$ declare t text := 'orders'; begin execute 'analyze ' || t; end $$;",
    good="do $$ begin execute 'analyze orders'; end $$;",
)

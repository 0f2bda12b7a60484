"""Parses DEBUG1 messages about table rewrites, scans and index builds. Even empty tables cause such messages.

Only these messages show a scan, because a scan changes no file. The texts of the messages are the same on PostgreSQL 14
to 18 and are never translated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...core.impact.impact import Work

_WORK = (
    (Work.REWRITE, re.compile(r'rewriting table "(?P<table>.+)"', re.DOTALL)),
    (Work.SCAN, re.compile(r'verifying table "(?P<table>.+)"', re.DOTALL)),
    (Work.FOREIGN_KEY, re.compile(r'validating foreign key constraint "(?P<what>.+)"', re.DOTALL)),
    (
        Work.INDEX,
        re.compile(
            r'building index "(?P<what>.+)" on table "(?P<table>.+)" (?:serially|with request for .*)', re.DOTALL
        ),
    ),
)
_PROVED = re.compile(r"existing constraints on column .* are sufficient to prove|.* is implied by existing constraints")


@dataclass(frozen=True)
class Debug1Message:
    """Work that a message reports. Relation names are as in the message, without a schema."""

    work: Work
    table: str = ""
    what: str = ""


def work_in(messages: Iterable[str]) -> Iterator[Debug1Message]:
    """The work that the messages report. Leaves out messages about TOAST tables."""
    for message in messages:
        for work, pattern in _WORK:
            if found := pattern.fullmatch(message):
                named = {"table": "", "what": "", **found.groupdict()}
                if not named["table"].startswith("pg_toast_"):
                    yield Debug1Message(work, named["table"], named["what"])


def telling(messages: Iterable[str]) -> tuple[str, ...]:
    """The messages that report work or a skipped scan."""
    return tuple(each for each in messages if _PROVED.match(each) or any(work.fullmatch(each) for _, work in _WORK))


def proofs_in(messages: Iterable[str]) -> tuple[str, ...]:
    """The messages about a skipped scan. PostgreSQL skips it if existing constraints prove that the rows are valid."""
    return tuple(message for message in messages if _PROVED.match(message))


def tables_in(messages: Iterable[str]) -> set[str]:
    """The tables that the messages name. Names have no schema."""
    return {said.table for said in work_in(messages) if said.table}


def foreign_keys_in(messages: Iterable[str]) -> list[str]:
    """The names of the foreign keys that were checked, according to the messages."""
    return [said.what for said in work_in(messages) if said.work is Work.FOREIGN_KEY]

"""A piece of SQL and where it stands in the repository."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property

from ..errors import Place
from . import parse

_NO_TRANSACTION = re.compile(
    r"^--[ \t]*(ctgitops:[ \t]*no[ -]transaction[ \t]*|migrate:(up|down)\b.*\btransaction:false\b.*)$",
    re.MULTILINE | re.IGNORECASE,
)


def checksum_of(text: str) -> str:
    """SHA-256 over the text as normalised when read (no byte order mark, LF line ends), with its algorithm's name.

    The path is not part of it: a file may be moved, or checked out with other line ends, and stays itself.
    """
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Script:
    """SQL text from `path`, beginning at `first_line` of it (a file may hold more than one script)."""

    sql: str
    path: str
    first_line: int = 1

    @cached_property
    def checksum(self) -> str:
        """Identity of the text."""
        return checksum_of(self.sql)

    @cached_property
    def statements(self) -> tuple[parse.Statement, ...]:
        """Its statements, in order. Raises `parse.SqlSyntaxError` where PostgreSQL's grammar refuses the text."""
        return parse.statements(self.sql)

    @property
    def transactional(self) -> bool:
        """Whether it runs as one transaction: PostgreSQL allows it, and no comment of the file forbids it.

        That is `-- ctgitops: no transaction`, or dbmate's `-- migrate:up transaction:false`.
        """
        if _NO_TRANSACTION.search(self.sql):
            return False
        return not any(statement.refused_in_transaction for statement in self.statements)

    def place(self, offset: int) -> Place:
        """Line and column, in the file, of the character at `offset`."""
        before = self.sql[:offset]
        newline = before.rfind("\n")
        return Place(self.path, self.first_line + before.count("\n"), offset - newline)

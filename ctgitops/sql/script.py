"""SQL text with its position in the repository, and facts parsed from it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property

from ..errors import Place
from . import parse
from .batch import Batch, Fault, is_batched, read_batch, shape_faults
from .redact import redact, secrets_in

NO_TRANSACTION = re.compile(
    r"^--[ \t]*(ctgitops:[ \t]*no[ -]transaction[ \t]*|migrate:(up|down)\b.*\btransaction:false\b.*)$",
    re.MULTILINE | re.IGNORECASE,
)

IDEMPOTENT = re.compile(r"^--[ \t]*ctgitops:[ \t]*idempotent[ \t]*$", re.MULTILINE | re.IGNORECASE)
_BLANK = re.compile(r"(?:\s+|--[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*")
"""What stands before the first word of a statement: space and comments. A nested comment counts as part of it."""


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

    @property
    def shown(self) -> str:
        """The text without passwords, line by line the same: what is shown to anybody, or stored."""
        return redact(self.sql)

    @property
    def secrets(self) -> frozenset[str]:
        """The passwords in it."""
        return secrets_in(self.sql)

    @cached_property
    def statements(self) -> tuple[parse.Statement, ...]:
        """Its statements, in order. Raises `parse.SqlSyntaxError` where PostgreSQL's grammar refuses the text."""
        return parse.statements(self.sql)

    @cached_property
    def batch(self) -> Batch | None:
        """How it runs in batches; None where it does not, or where something is wrong with that."""
        return None if self.batch_faults else read_batch(self.sql)[0]

    @cached_property
    def batch_faults(self) -> tuple[Fault, ...]:
        """What is wrong with it as a batched migration; raises `parse.SqlSyntaxError`."""
        if not is_batched(self.sql):
            return ()
        if len(self.statements) != 1:
            second = self.statements[1] if len(self.statements) > 1 else None
            what = f"a batched migration is one statement, and this file has {len(self.statements)}"
            return (Fault(what, self.start_of(second) if second else 0, "put the others into migrations of their own"),)
        statement = self.statements[0]
        shape = parse.batch_shape(self.text_of(statement))
        return (*read_batch(self.sql)[1], *shape_faults(shape, self.start_of(statement)))

    def text_of(self, statement: parse.Statement) -> str:
        """The statement as it stands in the file, from its first word on."""
        return self.sql[self.start_of(statement) : statement.end].rstrip()

    def hash_of(self, statement: parse.Statement) -> str:
        """Identity of a statement: not of the comments before it."""
        return checksum_of(self.text_of(statement))

    def start_of(self, statement: parse.Statement) -> int:
        """Where its first word is, in characters from 0."""
        return self.first_word(statement.start, statement.end)

    def first_word(self, start: int, end: int) -> int:
        """Where the first word between two places is."""
        blank = _BLANK.match(self.sql, start, end)
        return blank.end() if blank else start

    @property
    def transactional(self) -> bool:
        """Whether it runs as one transaction: PostgreSQL allows it, and no comment of the file forbids it.

        That is `-- ctgitops: no transaction`, or dbmate's `-- migrate:up transaction:false`.
        """
        if NO_TRANSACTION.search(self.sql) or is_batched(self.sql):
            return False
        return not any(statement.refused_in_transaction for statement in self.statements)

    @property
    def idempotent(self) -> bool:
        """Whether a comment of the file, `-- ctgitops: idempotent`, claims that a second run changes nothing."""
        return IDEMPOTENT.search(self.sql) is not None

    def place(self, offset: int) -> Place:
        """Line and column, in the file, of the character at `offset`."""
        before = self.sql[:offset]
        newline = before.rfind("\n")
        return Place(self.path, self.first_line + before.count("\n"), offset - newline)

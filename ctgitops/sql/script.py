"""SQL text with its position in the repository, and facts that are parsed from the text.

`transaction_block.py` decides whether the script runs outside a transaction.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cached_property, reduce
from operator import or_

from ..errors import Place
from ..lazy import dataclass, regex
from . import parse
from .batch import Batch, Fault, is_batched, read_batch, shape_faults
from .outer_transaction import Sent, read
from .passed_rollback import passed_rollback
from .redact import redact, secrets_in
from .tokens import comment_lines, first_word
from .traits import NOTHING, Trait
from .transaction_block import no_transaction_line, why_outside_transaction

IDEMPOTENT = regex(r"^--[ \t]*ctgitops:[ \t]*idempotent[ \t]*$", re.MULTILINE | re.IGNORECASE)


def checksum_of(text: str) -> str:
    """SHA-256 of the text, prefixed with the algorithm's name.

    The text has no byte order mark and has LF line ends. The path is not included. The checksum therefore stays the
    same if a file is moved, or checked out with other line ends.
    """
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Script:
    """The SQL text of the file `path` from line `first_line` on. A file may contain more than one script."""

    sql: str
    path: str
    first_line: int = 1

    @cached_property
    def checksum(self) -> str:
        """The checksum of the text."""
        return checksum_of(self.sql)

    @property
    def shown(self) -> str:
        """The text with passwords redacted and line breaks kept. Only this form is displayed or stored."""
        return redact(self.sql)

    @property
    def secrets(self) -> frozenset[str]:
        """The passwords in the text."""
        return secrets_in(self.sql)

    @cached_property
    def _sent(self) -> Sent:
        return read(self.sql, in_transaction=no_transaction_line(self.sql) is None)

    @property
    def sent(self) -> str:
        """The text that is sent to the server. Each character has the same offset as in the file.

        Spaces replace a BEGIN and COMMIT around the whole file, and lines that pg_dump writes only for psql.
        """
        try:
            return self._sent.text
        except parse.SqlSyntaxError:
            return self.sql

    @property
    def statements(self) -> tuple[parse.Statement, ...]:
        """The statements of the sent text, in order. Raises `parse.SqlSyntaxError` for a syntax error."""
        return self._sent.statements

    @cached_property
    def traits(self) -> Trait:
        """The effects of the statements. For invalid SQL, `OUTLIVES` and `TEMPORARY`, as a precaution."""
        try:
            return reduce(or_, (statement.traits for statement in self.statements), NOTHING)
        except parse.SqlSyntaxError:
            return Trait.OUTLIVES | Trait.TEMPORARY

    @cached_property
    def batch(self) -> Batch | None:
        """The parameters of a batched migration. None if the script is not batched or has batch errors."""
        return None if self.batch_faults else read_batch(self.sql)[0]

    @cached_property
    def batch_faults(self) -> tuple[Fault, ...]:
        """The errors in a batched migration. Empty if the script is not batched. Raises `parse.SqlSyntaxError`."""
        if not is_batched(self.sql):
            return ()
        if len(self.statements) != 1:
            second = self.statements[1] if len(self.statements) > 1 else None
            what = f"a batched migration must be one statement, but this file has {len(self.statements)}"
            return (
                Fault(what, self.start_of(second) if second else 0, "move the other statements to separate migrations"),
            )
        statement = self.statements[0]
        shape = parse.batch_shape(self.text_of(statement))
        return (*read_batch(self.sql)[1], *shape_faults(shape, self.start_of(statement)))

    def text_of(self, statement: parse.Statement) -> str:
        """The text of a statement, starting at its first word."""
        return self.sql[self.start_of(statement) : statement.end].rstrip()

    def hash_of(self, statement: parse.Statement) -> str:
        """The checksum of a statement, without the comments before it."""
        return checksum_of(self.text_of(statement))

    def start_of(self, statement: parse.Statement) -> int:
        """The offset of a statement's first word, in characters from 0."""
        return self.first_word(statement.start, statement.end)

    def first_word(self, start: int, end: int) -> int:
        """The offset of the first word between `start` and `end`."""
        return first_word(self.sql, start, end)

    @cached_property
    def outside(self) -> tuple[str, int] | None:
        """Why the script runs outside a transaction, and the offset of the cause. None if it runs in a transaction.

        `transaction_block.why_outside_transaction` decides this. Raises SqlSyntaxError.
        """
        return why_outside_transaction(self.sql, self._refused_statements())

    def _refused_statements(self) -> Iterator[tuple[str, int]]:
        for statement in self.statements:
            if statement.refused_in_transaction:
                yield statement.refused_in_transaction, self.start_of(statement)

    @property
    def transactional(self) -> bool:
        """Whether the script runs in one transaction. Raises SqlSyntaxError."""
        return self.outside is None

    @property
    def idempotent(self) -> bool:
        """Whether the comment `-- ctgitops: idempotent` in the file claims that a second run changes nothing."""
        return any(comment_lines(IDEMPOTENT, self.sql))

    @cached_property
    def passed_rollback(self) -> Script | None:
        """The rollback SQL passed to `record_migration`. Empty if it is not a constant, None if none is passed."""
        try:
            text = passed_rollback(self.sent)
        except parse.SqlSyntaxError:
            return None
        return None if text is None else Script(text, self.path, self.first_line)

    def place(self, offset: int) -> Place:
        """The place in the file (line and column) of the character at `offset`."""
        before = self.sql[:offset]
        newline = before.rfind("\n")
        return Place(self.path, self.first_line + before.count("\n"), offset - newline)

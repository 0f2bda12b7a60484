"""The nine parts of a migration, from pre-checks to recording. Checks the presence and order of the parts in a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ...lazy import dataclass, regex
from ...sql.tokens import comment_lines

_HEADING = regex(
    r"^[ \t]*--[ \t=#*-]*(?:(?P<number>[1-9])[.):]?[ \t]+)?(?P<title>[a-z][^\n]*?)[ \t=#*-]*$",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Part:
    """One part of a migration file."""

    number: int
    title: str
    purpose: str
    """The purpose of the part, as a comment for a new file."""
    words: str
    """A regular expression for the accepted titles."""

    @property
    def heading(self) -> str:
        """The part's heading as `ctgitops new` writes it."""
        line = f"-- {'-' * 76}"
        return f"{line}\n-- {self.number}. {self.title}\n{line}"

    def has(self, number: str | None, title: str) -> bool:
        """Whether a comment is this part's heading: its number and the first words of a title, or only a title."""
        accepted = re.compile(f"{self.words}|{re.escape(self.title)}", re.IGNORECASE)
        if number is None:
            return accepted.fullmatch(title) is not None
        return number == str(self.number) and accepted.match(title) is not None


PARTS = (
    Part(1, "Pre-checks", "stop with an error if the database is not as this migration expects", r"pre-? ?checks?"),
    Part(2, "Tables, types and columns (DDL)", "create and alter tables, types and columns", r"ddl|tables?|schema"),
    Part(
        3,
        "Data (DML)",
        "change rows; to change many rows, write a separate migration that runs in batches",
        r"dml|data",
    ),
    Part(4, "Indexes", "create and drop indexes; on tables with rows CONCURRENTLY, in a separate file", r"index(es)?"),
    Part(5, "Constraints", "add constraints as NOT VALID; validate them in a later migration", r"constraints?"),
    Part(6, "Functions and views", "create functions, triggers and views", r"functions?|views?"),
    Part(7, "Grants", "grant privileges, revoke them, create policies", r"grants?|permissions?|privileges?"),
    Part(8, "Validation", "stop with an error if the result is not as intended", r"validations?|post-? ?checks?"),
    Part(9, "Recording", "SELECT record_migration('NNN_name.sql');", r"record(ing)?"),
)
"""All parts in their required order."""


def structure_faults(sql: str, first_statement: int) -> Iterator[str]:
    """The errors in the parts of a file. `first_statement` is the offset of the first statement in the file."""
    found = list(_headings(sql))
    numbers = [part.number for part, _ in found]
    missing = [f"{part.number} ({part.title})" for part in PARTS if part.number not in numbers]
    if missing:
        yield f"there is no part {', '.join(missing)}"
    for (before, _), (part, line) in pairwise(found):
        if part.number == before.number:
            yield f"part {part.number} ({part.title}) is repeated on line {line}"
        elif part.number < before.number:
            yield f"part {part.number} ({part.title}) on line {line} comes after part {before.number} ({before.title})"
    if found and sql.count("\n", 0, first_statement) + 1 < found[0][1]:
        yield f"a statement comes before part {found[0][0].number} ({found[0][0].title})"


def _headings(sql: str) -> Iterator[tuple[Part, int]]:
    """Each part's heading with its line number."""
    for match in comment_lines(_HEADING, sql):
        part = next((each for each in PARTS if each.has(match["number"], match["title"])), None)
        if part:
            yield part, sql.count("\n", 0, match.start("title")) + 1

"""The grammar of migration names, in one place: `008_photos`, its files, and references to it in text. Pure.

A file is `NUMBER_WORDS.sql`, `.up.sql`, `.down.sql` or `.verify.sql`. Endings are recognised in any case, so that a
file that differs only in that is reported and not ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

LARGEST = 2**63 - 1
"""Numbers are PostgreSQL's bigint."""
_ENDING = r"(?P<kind>\.up|\.down|\.verify)?\.sql"
_FILE = re.compile(rf"(?P<digits>[0-9]+)_(?P<words>[^.].*?)(?P<ending>{_ENDING})", re.IGNORECASE)
_STEM = re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^.].*)")
_REFERENCE = re.compile(r"(?P<digits>[0-9]+)(?:_(?P<words>\S*))?")
_AT_END = re.compile(rf"{_ENDING}$", re.IGNORECASE)


class FileKind(StrEnum):
    """What a file of a migration is for."""

    UP = "up"
    DOWN = "down"
    VERIFY = "verify"


@dataclass(frozen=True)
class MigrationName:
    """A migration's number and words, and which of its files is named."""

    digits: str
    """The number as it is written: `008`."""
    words: str
    """`photos`; empty in a reference by number."""
    kind: FileKind = FileKind.UP
    ending: str = ""
    """As it is written: `.up.sql`."""

    @property
    def number(self) -> int:
        """Its number; larger than LARGEST where it has too many digits to be one."""
        return int((self.digits.lstrip("0") or "0")[:20])

    @property
    def name(self) -> str:
        """The migration's name: `008_photos`."""
        return f"{self.digits}_{self.words}"


def parse_migration_name(file: str) -> MigrationName | None:
    """The name of a file, without its folder; None for any other file, and for a number that is too large."""
    found = parse_unbounded(file)
    return found if found and found.number <= LARGEST else None


def parse_unbounded(file: str) -> MigrationName | None:
    """The same, with numbers that are too large."""
    match = _FILE.fullmatch(file)
    if match is None:
        return None
    kind = FileKind((match["kind"] or ".up").lower().removeprefix("."))
    return MigrationName(match["digits"], match["words"], kind, match["ending"])


def parse_stem(stem: str) -> MigrationName | None:
    """`008_photos`, without an ending."""
    return _bounded(_STEM.fullmatch(stem))


def parse_reference(text: str) -> MigrationName | None:
    """`008` or `008_photos`, as people name a migration in a header or a comment: without spaces."""
    return _bounded(_REFERENCE.fullmatch(text))


def rollback_path(path: str) -> str:
    """`migrations/001_a.down.sql` for `migrations/001_a.sql` and `migrations/001_a.up.sql`."""
    return without_ending(path) + ".down.sql"


def without_ending(file: str) -> str:
    """`008_photos.down.sql` is `008_photos`; folders stay."""
    return _AT_END.sub("", file)


def split_name(name: str) -> MigrationName:
    """A migration's name, which was parsed before."""
    digits, _, words = name.partition("_")
    return MigrationName(digits, words)


def _bounded(match: re.Match[str] | None) -> MigrationName | None:
    found = MigrationName(match["digits"], match["words"] or "") if match else None
    return found if found and found.number <= LARGEST else None

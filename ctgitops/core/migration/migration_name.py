"""The grammar of migration names such as `008_photos`: file names, and references in text. Pure.

No other module parses names. A file is `NUMBER_WORDS.sql`, `.up.sql`, `.down.sql` or `.verify.sql`. Endings match in
any case, because a file with an ending in capitals must be reported and not ignored.
"""

from __future__ import annotations

import re
from enum import StrEnum

from ...lazy import dataclass, regex

LARGEST = 2**63 - 1
"""The largest number of a migration: the maximum of PostgreSQL's bigint."""
_ENDING = r"(?P<kind>\.up|\.down|\.verify)?\.sql"
_FILE = regex(rf"(?P<digits>[0-9]+)_(?P<words>[^.].*?)(?P<ending>{_ENDING})", re.IGNORECASE)
_STEM = regex(r"(?P<digits>[0-9]+)_(?P<words>[^.].*)")
_REFERENCE = regex(r"(?P<digits>[0-9]+)(?:_(?P<words>\S*))?")
_AT_END = regex(rf"{_ENDING}$", re.IGNORECASE)


class FileKind(StrEnum):
    """The purpose of a migration's file."""

    UP = "up"
    DOWN = "down"
    VERIFY = "verify"


@dataclass(frozen=True)
class MigrationName:
    """The number and words in a file name or reference, and the kind of file."""

    digits: str
    """The number as written in the name, such as `008`."""
    words: str
    """The words after the number, such as `photos`. Empty in a reference by number."""
    kind: FileKind = FileKind.UP
    ending: str = ""
    """The ending as written in the file name, such as `.up.sql`."""

    @property
    def number(self) -> int:
        """The number. If the number has too many digits, the result is larger than LARGEST."""
        return int((self.digits.lstrip("0") or "0")[:20])

    @property
    def name(self) -> str:
        """The migration's name, such as `008_photos`."""
        return f"{self.digits}_{self.words}"


def parse_migration_name(file: str) -> MigrationName | None:
    """Parses a file name without folder. None if it is not the name of a migration, or its number exceeds LARGEST."""
    found = parse_unbounded(file)
    return found if found and found.number <= LARGEST else None


def parse_unbounded(file: str) -> MigrationName | None:
    """Like `parse_migration_name`, but accepts numbers above LARGEST."""
    match = _FILE.fullmatch(file)
    if match is None:
        return None
    kind = FileKind((match["kind"] or ".up").lower().removeprefix("."))
    return MigrationName(match["digits"], match["words"], kind, match["ending"])


def parse_stem(stem: str) -> MigrationName | None:
    """Parses a name without an ending, such as `008_photos`. None if the text is not a name."""
    return _bounded(_STEM.fullmatch(stem))


def parse_reference(text: str) -> MigrationName | None:
    """Parses a reference to a migration, such as `008` or `008_photos`. None if the text is not a reference."""
    return _bounded(_REFERENCE.fullmatch(text))


def rollback_path(path: str) -> str:
    """Converts `migrations/001_a.sql` and `migrations/001_a.up.sql` to `migrations/001_a.down.sql`."""
    return without_ending(path) + ".down.sql"


def without_ending(file: str) -> str:
    """Removes the endings and keeps folders: `008_photos.down.sql` becomes `008_photos`."""
    return _AT_END.sub("", file)


def split_name(name: str) -> MigrationName:
    """Splits a migration's name. The name must be valid."""
    digits, _, words = name.partition("_")
    return MigrationName(digits, words)


def _bounded(match: re.Match[str] | None) -> MigrationName | None:
    found = MigrationName(match["digits"], match["words"] or "") if match else None
    return found if found and found.number <= LARGEST else None

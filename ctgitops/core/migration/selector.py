"""Selectors name a migration by number, name, file, schema version or `latest`. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from ...errors import UsageError
from ...lazy import dataclass
from .migration_name import parse_reference, parse_stem, without_ending
from .schema_version import SchemaVersion

if TYPE_CHECKING:
    from .migration import Migration

FORMS = "`latest`, a number (008), a name (008_photos), a file (migrations/008_photos.sql) or a schema version (1.4.0)"
_MOST_NAMED = 20


class Candidate(NamedTuple):
    """A migration that a selector can select."""

    number: int
    name: str
    version: SchemaVersion | None


@dataclass(frozen=True)
class Selector:
    """Selects one migration, or all migrations up to it: by number, by schema version, or as the newest migration."""

    version: SchemaVersion | None = None
    number: int | None = None
    name: str = ""
    """The name of the migration. Empty if the text contains only a number."""
    text: str = field(default="latest", compare=False)
    """The selector as the user wrote it."""

    @classmethod
    def parse(cls, text: str) -> Selector | None:
        """Parses a selector. None if `text` is not a valid selector."""
        plain = text.strip()
        if plain == "latest":
            return cls(text=plain)
        version = SchemaVersion.parse(plain.removeprefix("v").removeprefix("V"))
        if version:
            return cls(version, text=plain)
        stem = without_ending(plain.replace("\\", "/").rsplit("/", 1)[-1])
        if found := parse_stem(stem):
            return cls(None, found.number, found.name, plain)
        number = parse_reference(stem)
        return cls(None, number.number, text=plain) if number and number.digits == stem else None

    @property
    def latest(self) -> bool:
        """Whether the selector means the newest migration."""
        return self.version is None and self.number is None

    def __str__(self) -> str:
        if self.version:
            return str(self.version)
        if self.name:
            return self.name
        return "latest" if self.number is None else f"{self.number:03}"

    def reaches(self, migration: Migration) -> bool:
        """Whether `migration` is the selected migration or an earlier migration."""
        if self.number is not None:
            return migration.number <= self.number
        if self.version is not None:
            return migration.version is not None and migration.version <= self.version
        return True

    def matches(self, candidate: Candidate) -> bool:
        """Whether the selector matches a migration."""
        if self.name:
            return candidate.name == self.name
        if self.number is not None:
            return candidate.number == self.number
        return self.version is None or candidate.version == self.version

    def choose(self, known: Iterable[Candidate], where: str) -> Candidate:
        """The selected migration. Raises UsageError if none or several match.

        `known` is sorted, and its last migration is `latest`.
        """
        candidates = tuple(known)
        found = tuple(candidate for candidate in candidates if self.matches(candidate))
        if not found:
            raise UsageError(f"migration `{self.text}` was not found {where}", hint=_hint(self, candidates))
        if not self.latest and len({candidate.number for candidate in found}) > 1:
            names = " and ".join(f"`{name}`" for name in dict.fromkeys(candidate.name for candidate in found))
            raise UsageError(
                f"`{self.text}` matches several migrations {where}: {names}",
                hint="give the name of one of these migrations",
            )
        return found[-1]


def selector_from(text: str, option: str) -> Selector:
    """Parses the selector in an option or input. Raises UsageError."""
    found = Selector.parse(text)
    if found is None:
        raise UsageError(f"`{option} {text[:80]}` is not a migration or a schema version", hint=FORMS)
    return found


def _hint(selector: Selector, candidates: tuple[Candidate, ...]) -> str:
    names = tuple(dict.fromkeys(candidate.name for candidate in candidates))
    same = [c.name for c in candidates if selector.name and c.number == selector.number]
    near = same or difflib.get_close_matches(selector.name, names, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    if selector.version:
        versions = [str(v) for v in sorted({c.version for c in candidates if c.version})]
        return f"versions: {_listed(versions)}"
    return f"migrations: {_listed(names)}"


def _listed(names: Iterable[str]) -> str:
    every = tuple(names)
    more = f" and {len(every) - _MOST_NAMED} earlier ones" if len(every) > _MOST_NAMED else ""
    return ", ".join(every[-_MOST_NAMED:]) + more or "none"

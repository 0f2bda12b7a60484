"""The repository's policy, `migrations/policy.yaml`: numbering, bands, header and lint severities."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Numbering(StrEnum):
    """`contiguous` leaves no gap in a band; `increasing` allows gaps, as timestamps and adopted histories have them."""

    CONTIGUOUS = "contiguous"
    INCREASING = "increasing"


class HeaderRule(StrEnum):
    """Whether a migration without a header is a problem."""

    REQUIRED = "required"
    OPTIONAL = "optional"


@dataclass(frozen=True)
class Band:
    """A range of numbers that is counted by itself, both ends included."""

    name: str
    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def __str__(self) -> str:
        return f"{self.name} ({self.first:03}-{self.last:03})"


EVERYTHING = Band("all", 0, 2**63 - 1)
"""The one band of a repository that names none."""


@dataclass(frozen=True)
class Policy:
    """What `migrations/policy.yaml` says; the defaults are what holds without that file."""

    numbering: Numbering = Numbering.CONTIGUOUS
    header: HeaderRule = HeaderRule.REQUIRED
    bands: tuple[Band, ...] = ()
    lint: dict[str, str] = field(default_factory=dict)
    """By rule, how bad a finding of it is, where that is not the rule's own."""
    lint_after: int = 0
    """Migrations up to this number are not judged by `check`: they are history."""
    exposed_schemas: tuple[str, ...] = ()
    """Schemas that clients reach; none: `public`, once the database uses row-level security."""
    max_file_bytes: int = 10_000_000
    removed: tuple[str, ...] = ()
    """Migrations whose files were removed on purpose, since no database has applied them."""

    def band(self, number: int) -> Band | None:
        """The band that `number` belongs to; None where the bands leave it out."""
        if not self.bands:
            return EVERYTHING
        return next((band for band in self.bands if number in band), None)

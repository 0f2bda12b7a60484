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
    """A range of numbers that is numbered separately, both ends included."""

    name: str
    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def __str__(self) -> str:
        return f"{self.name} ({self.first:03}-{self.last:03})"


EVERYTHING = Band("all", 0, 2**63 - 1)
"""The only band of a repository that defines none."""


@dataclass(frozen=True)
class Policy:
    """The contents of `migrations/policy.yaml`; the defaults apply without that file."""

    numbering: Numbering = Numbering.CONTIGUOUS
    header: HeaderRule = HeaderRule.REQUIRED
    bands: tuple[Band, ...] = ()
    lint: dict[str, str] = field(default_factory=dict)
    """By rule, the severity of its findings, where it differs from the rule's default."""
    lint_after: int = 0
    """`check` does not lint migrations up to this number, because they are history."""
    exposed_schemas: tuple[str, ...] = ()
    """Schemas that clients can reach; none: `public`, if the database uses row-level security."""
    max_file_bytes: int = 10_000_000
    removed: tuple[str, ...] = ()
    """Migrations whose files were removed on purpose because no database has applied them."""

    def band(self, number: int) -> Band | None:
        """The band that contains `number`; None if it is in no band."""
        if not self.bands:
            return EVERYTHING
        return next((band for band in self.bands if number in band), None)

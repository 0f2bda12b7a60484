"""Schema versions: the three numbers of SemVer, and the next major, minor and patch version."""

from __future__ import annotations

from ...lazy import dataclass, regex

_FORM = regex(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


@dataclass(frozen=True, order=True)
class SchemaVersion:
    """A version `MAJOR.MINOR.PATCH`. The numbers count breaking changes, additions and fixes, in this order."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def parse(cls, text: str) -> SchemaVersion | None:
        """Parses a version. None if `text` is not a version."""
        match = _FORM.fullmatch(text.strip())
        return cls(*(int(part) for part in match.groups())) if match else None

    @property
    def successors(self) -> tuple[SchemaVersion, SchemaVersion, SchemaVersion]:
        """The next major, minor and patch version."""
        return (
            SchemaVersion(self.major + 1, 0, 0),
            SchemaVersion(self.major, self.minor + 1, 0),
            SchemaVersion(self.major, self.minor, self.patch + 1),
        )

    @property
    def starts_major(self) -> bool:
        """Whether this is the first version with its major number."""
        return self.minor == 0 and self.patch == 0


def highest(versions: list[SchemaVersion]) -> SchemaVersion | None:
    """The highest version. None without versions."""
    return max(versions, default=None)


def next_after(newest: SchemaVersion | None, *, breaking: bool, fix: bool) -> SchemaVersion:
    """The version after `newest`, for a breaking change, for a fix, or otherwise for an addition."""
    if newest is None:
        return SchemaVersion(1, 0, 0)
    major, minor, patch = newest.successors
    return major if breaking else patch if fix else minor

"""The repository's policy, `migrations/policy.yaml`: numbering, bands, header and lint severities."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from ...lazy import dataclass
from .given import Given
from .layout import Layout

if TYPE_CHECKING:
    from ..benchmark.benchmark import Benchmark
    from .freeze import Freeze
    from .project_test import ProjectTest
    from .receiver import Receiver
    from .repeated_freeze import RepeatedFreeze


class Numbering(StrEnum):
    """How migrations are numbered. `contiguous` allows no gap in a band. `increasing` allows gaps."""

    CONTIGUOUS = "contiguous"
    INCREASING = "increasing"


class HeaderRule(StrEnum):
    """Whether a migration without a header is a problem."""

    REQUIRED = "required"
    OPTIONAL = "optional"


@dataclass(frozen=True)
class Band:
    """A range of migration numbers, including both ends, that is numbered separately."""

    name: str
    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def __str__(self) -> str:
        return f"{self.name} ({self.first:03}-{self.last:03})"


EVERYTHING = Band("all", 0, 2**63 - 1)
"""The only band if the policy defines none."""


@dataclass(frozen=True)
class UnrelatedCode:
    """Code in which a name does not mean the table or column that a contract drops."""

    path: str
    """The path of a file, or a pattern such as `docs/*`."""
    name: str
    """`table` or `table.column`."""
    reason: str


@dataclass(frozen=True)
class Policy:
    """The contents of `migrations/policy.yaml`. Without that file, the defaults apply."""

    numbering: Numbering = Numbering.CONTIGUOUS
    header: HeaderRule = HeaderRule.REQUIRED
    bands: tuple[Band, ...] = ()
    lint: dict[str, str] = field(default_factory=dict)
    """Maps lint rules to severities that replace the default severities of the rules."""
    lint_after: int = 0
    """`check` does not lint migrations up to this number. These migrations are history."""
    exposed_schemas: tuple[str, ...] = ()
    """Schemas that clients can query. `platform: supabase` sets `public`.

    If empty, clients can query `public` if the database uses row-level security.
    """
    max_file_bytes: int = 10_000_000
    removed: tuple[str, ...] = ()
    """Migrations whose files were deleted on purpose because no database has applied them."""
    freezes: tuple[Freeze | RepeatedFreeze, ...] = ()
    """The periods in which nothing is applied to any environment."""
    notify: tuple[Receiver, ...] = ()
    """The receivers of notifications about every environment."""
    tests: tuple[ProjectTest, ...] = ()
    """The tests of the project that `try --tests` runs on copies."""
    rows: dict[str, int] = field(default_factory=dict)
    """Maps tables to the number of rows that `try` generates in each copy."""
    benchmarks: tuple[Benchmark, ...] = ()
    """The benchmarks that `benchmark` runs before and after the pending migrations, on copies."""
    unrelated_code: tuple[UnrelatedCode, ...] = ()
    """The matches of the code search that do not hold back a contract."""
    given: Given = field(default_factory=Given)
    """The schemas that the platform creates in every environment."""
    layout: Layout = field(default_factory=Layout)
    """The folder of the migrations, and the tool whose file names and directives they use."""

    def band(self, number: int) -> Band | None:
        """The band that contains `number`. None if no band contains it."""
        if not self.bands:
            return EVERYTHING
        return next((band for band in self.bands if number in band), None)

"""The samples of one run, and the intervals that are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import dataclass
from .interval import Interval

if TYPE_CHECKING:
    from ..environment.performance_policy import PerformancePolicy
    from .sample import Sample


@dataclass(frozen=True)
class Moments:
    """The samples that one run has taken."""

    first: Sample
    """The sample at the beginning of the run."""
    before: Sample
    """The sample just before the first migration."""
    after: Sample
    """The sample right after the last migration."""
    end: Sample
    """The sample at the end of `within`."""
    policy: PerformancePolicy

    @property
    def recent(self) -> Interval:
        """The load just before the migrations."""
        return Interval(self.first, self.before)

    @property
    def during(self) -> Interval:
        """The load while the migrations ran."""
        return Interval(self.before, self.after)

    @property
    def window(self) -> Interval:
        """The load after the migrations."""
        return Interval(self.after, self.end)

    @property
    def altered(self) -> frozenset[str]:
        """The tables whose columns, indexes or file changed while the migrations ran."""
        before, after = self.before.tables or {}, self.after.tables or {}
        return frozenset(
            name
            for name, now in after.items()
            if (was := before.get(name)) and (was.file, was.definition) != (now.file, now.definition)
        )

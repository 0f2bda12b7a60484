"""The report on the load: findings, figures, and what could not be seen. Converts the report for the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from ...lazy import dataclass
from .sample import Blind


class LoadLevel(StrEnum):
    """How much a finding matters."""

    REGRESSION = "regression"
    NOTICE = "notice"
    """A change that may be intended, or that may have another cause than the run."""


class LoadState(StrEnum):
    """The verdict on the load after a run."""

    REGRESSION = "regression"
    UNKNOWN = "unknown"
    """No regression was found, but a part of the load could not be measured."""
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class LoadFinding:
    """One change of the load."""

    kind: str
    """What changed, in kebab-case, such as `slower-statement`."""
    level: LoadLevel
    what: str
    statement: str = ""
    """The normalised text of the statement. Empty for a finding about no single statement."""
    calls: int | None = None
    before: float | None = None
    """The value before the migrations. A mean time is in milliseconds. Other kinds have the unit that `what` names."""
    after: float | None = None


@dataclass(frozen=True)
class Figure:
    """One measure of the load, before and after the run. A value is None if it is unknown."""

    name: str
    before: float | None
    after: float | None
    unit: str = ""


@dataclass(frozen=True)
class LoadReport:
    """The load before and after one run."""

    findings: tuple[LoadFinding, ...] = ()
    blind: tuple[Blind, ...] = ()
    figures: tuple[Figure, ...] = ()
    seconds: float = 0.0
    """How long the run measured after its last migration."""
    proposed: tuple[str, ...] = ()
    """The commands that show and start a rollback. Empty without a regression, or without `on_regression: propose`."""
    migrations: tuple[str, ...] = ()
    dry_run: str = ""
    """The verdict of the dry run of the proposed rollback."""

    @property
    def regressions(self) -> tuple[LoadFinding, ...]:
        """The findings of level regression."""
        return tuple(each for each in self.findings if each.level is LoadLevel.REGRESSION)

    @property
    def state(self) -> LoadState:
        """The verdict. If a part could not be seen, the verdict is never `unchanged`."""
        if self.regressions:
            return LoadState.REGRESSION
        return LoadState.UNKNOWN if any(each.matters for each in self.blind) else LoadState.UNCHANGED

    def to_data(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {"state": self.state.value, **asdict(self)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> LoadReport:
        """The report that `to_data` has written. Raises KeyError, TypeError or ValueError for other data."""
        return cls(
            tuple(LoadFinding(**{**each, "level": LoadLevel(each["level"])}) for each in data["findings"]),
            tuple(Blind(**each) for each in data["blind"]),
            tuple(Figure(**each) for each in data["figures"]),
            float(data["seconds"]),
            tuple(data["proposed"]),
            tuple(data["migrations"]),
            str(data.get("dry_run", "")),
        )

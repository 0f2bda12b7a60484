"""Counts how often lint and PostgreSQL agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass
class Score:
    """How often one linter was right and wrong on one set."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    quiet: int = 0
    spoke: int = 0
    """The number of files with a warning or an error; for squawk, with any finding."""

    def count(self, *, truth: bool, said: bool, spoke: bool) -> None:
        """Counts a file or statement."""
        self.right += truth and said
        self.wrong += said and not truth
        self.missed += truth and not said
        self.quiet += not truth and not said
        self.spoke += spoke

    def __iadd__(self, other: Score) -> Self:
        """Adds the counts of another score."""
        for name in ("right", "wrong", "missed", "quiet", "spoke"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    @property
    def total(self) -> int:
        """The number of files or statements."""
        return self.right + self.wrong + self.missed + self.quiet

    def line(self, name: str) -> str:
        """A row of the table."""
        precision = self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0
        recall = self.right / (self.right + self.missed) if self.right + self.missed else 1.0
        share = self.spoke / self.total if self.total else 0.0
        return (
            f"  {name:<28}{self.total:>6}{self.right + self.missed:>8}{self.right:>7}{self.wrong:>7}{self.missed:>8}"
            f"{precision:>11.3f}{recall:>8.3f}{share:>9.0%}"
        )


HEAD = (
    f"  {'':<28}{'all':>6}{'blocks':>8}{'right':>7}{'wrong':>7}{'missed':>8}{'precision':>11}{'recall':>8}{'marked':>9}"
)

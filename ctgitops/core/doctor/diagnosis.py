"""The result of one check of `doctor`: a verdict, the facts, why they matter, and the fix as a command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from ...lazy import dataclass
from .check_list import CHECKS


class CheckVerdict(StrEnum):
    """The verdict of one check."""

    OK = "ok"
    NOTE = "note"
    """A fact that a person should know. It needs no fix."""
    PROBLEM = "problem"
    UNKNOWN = "unknown"
    """The check could not be carried out. This is never a success."""


@dataclass(frozen=True)
class Diagnosis:
    """The result of one check for one subject."""

    check: str
    """The ID of the check, a key of CHECKS."""
    verdict: CheckVerdict
    what: str
    """The facts. For UNKNOWN, why the check could not be carried out."""
    fix: str = ""
    """The commands or SQL that fix a problem, or that make the check possible. One per line."""
    subject: str = ""
    """The environment. Empty for the repository."""
    concern: str = ""
    """For NOTE, why the fact can matter. Empty if nothing is wrong."""

    @property
    def why(self) -> str:
        """Why the result matters. Empty if nothing is wrong."""
        wrong = self.verdict in {CheckVerdict.PROBLEM, CheckVerdict.UNKNOWN}
        return CHECKS[self.check].why if wrong else self.concern

    @property
    def family(self) -> str:
        """The family of the check, such as `database`."""
        return CHECKS[self.check].family


def ok(check: str, what: str) -> Diagnosis:
    """A check that found nothing wrong."""
    return Diagnosis(check, CheckVerdict.OK, what)


def note(check: str, what: str, fix: str = "", *, why: str = "") -> Diagnosis:
    """A fact that a person should know. `why` says why this fact can matter. The reason of its check may not fit."""
    return Diagnosis(check, CheckVerdict.NOTE, what, fix, concern=why)


def problem(check: str, what: str, fix: str) -> Diagnosis:
    """A problem, with its fix."""
    return Diagnosis(check, CheckVerdict.PROBLEM, what, fix)


def unknown(check: str, why: str, fix: str = "") -> Diagnosis:
    """A check that could not be carried out. `fix` makes it possible."""
    return Diagnosis(check, CheckVerdict.UNKNOWN, why, fix)


@dataclass(frozen=True)
class Checkup:
    """The results of all checks of one call of `doctor`."""

    results: tuple[Diagnosis, ...]

    @property
    def exit_status(self) -> int:
        """1 if there is a problem or an unknown result, otherwise 0."""
        return int(any(each.verdict in {CheckVerdict.PROBLEM, CheckVerdict.UNKNOWN} for each in self.results))

    def count(self, verdict: CheckVerdict) -> int:
        """The number of results with this verdict."""
        return Counter(each.verdict for each in self.results)[verdict]

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects in the order of the results. The repository comes last."""
        found = dict.fromkeys(each.subject for each in self.results)
        return tuple(sorted(found, key=lambda subject: not subject))

    def of(self, subject: str) -> tuple[Diagnosis, ...]:
        """The results for one subject: problems first, then unknown results, notes and successes."""
        order = (CheckVerdict.PROBLEM, CheckVerdict.UNKNOWN, CheckVerdict.NOTE, CheckVerdict.OK)
        own = [each for each in self.results if each.subject == subject]
        return tuple(sorted(own, key=lambda each: order.index(each.verdict)))


def ensured(check: str, found: Iterable[Diagnosis]) -> tuple[Diagnosis, ...]:
    """The results of a check. If the check returned none, one unknown result."""
    return tuple(found) or (unknown(check, "the check gave no result"),)

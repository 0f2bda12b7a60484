"""A statement for which an analysis ended with an unexpected error."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.problem import NOT_ANALYSED
from ...core.workspace.finding import Severity
from ..rule import Group, Hit, Rule
from ..rule_input import Case


def check(_case: Case) -> Iterator[Hit]:
    """Reports nothing: these findings come from running the rules."""
    yield from ()


RULE = Rule(
    id=NOT_ANALYSED,
    group=Group.TRANSACTION,
    severity=Severity.ERROR,
    kinds=("NotAnalysed",),
    why="An analysis of the statement ended with an unexpected error, which is a bug of ctgitops: what the statement "
    "locks, rewrites or destroys is unknown. The finding names the analysis and where in ctgitops it failed. All other "
    "rules, statements and files are analysed as usual.",
    instead="report the statement as a bug, review it by hand, and then allow this rule or set its severity in the "
    "policy",
    check=check,
    bad="",
    good="",
)

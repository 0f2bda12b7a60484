"""Describes findings of run.py: a statement for which an analysis ended with an unexpected error."""

from ...core.problem import NOT_ANALYSED
from ..rule import Group, Rule, Severity

RULE = Rule(
    id=NOT_ANALYSED,
    group=Group.TRANSACTION,
    severity=Severity.ERROR,
    kinds=("NotAnalysed",),
    why="An analysis of the statement ended with an unexpected error, which is a bug in ctgitops. What the statement "
    "locks, rewrites or destroys is unknown. The finding names the analysis, and where in ctgitops it failed. All "
    "other rules, statements and files are analysed as usual.",
    instead="report the statement as a bug and review it by hand; then allow this rule, or change its severity in the "
    "policy",
)

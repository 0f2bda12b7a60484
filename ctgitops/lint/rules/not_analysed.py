"""Describes findings of run.py: a statement whose analysis raised an unexpected error."""

from ...core.problem import NOT_ANALYSED
from ..rule import Group, Rule, Severity

RULE = Rule(
    id=NOT_ANALYSED,
    group=Group.TRANSACTION,
    severity=Severity.ERROR,
    kinds=("NotAnalysed",),
    why="An analysis of the statement ended with an unexpected error, which is a bug in ctgitops. So the locks, the "
    "rewrites and the data loss of the statement are unknown. The finding names the analysis and the line of "
    "ctgitops that failed. All other rules, statements and files are analysed as usual.",
    instead="report the statement as a bug and review it by hand; then allow this rule, or change its severity in the "
    "policy",
)

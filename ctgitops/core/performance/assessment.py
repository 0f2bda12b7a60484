"""Assesses the samples of a run. The report has findings, figures, and the parts that could not be seen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from .database_changes import database_changes, figures_of
from .interval import STATEMENTS, TABLES
from .report import LoadFinding, LoadLevel, LoadReport
from .sample import Blind
from .statement_changes import compared, statement_changes
from .table_changes import table_changes

if TYPE_CHECKING:
    from .moments import Moments

MOST = 20
"""The largest number of findings in a report."""
SHARE = 0.9
"""The minimum share of `within` that a run must measure."""


def assess(moments: Moments, migrations: tuple[str, ...] = ()) -> LoadReport:
    """The report on a run. Regressions are first, in the order of their effect."""
    found = [*statement_changes(moments), *table_changes(moments), *database_changes(moments)]
    explained = {each.statement for each in found if each.kind == "slower-statement"}
    found = [each for each in found if each.kind != "changed-plan" or each.statement not in explained]
    found.sort(key=_importance)
    blind = _once({*_reset(moments), *_unread(moments), *_too_little(moments)})
    if len(found) > MOST:
        blind = (
            *blind,
            Blind(f"{len(found) - MOST} more findings", "the report contains only the largest findings", matters=False),
        )
    return LoadReport(tuple(found[:MOST]), blind, figures_of(moments), moments.window.seconds, (), migrations)


def unmeasured(what: str, why: str, migrations: tuple[str, ...] = ()) -> LoadReport:
    """The report on a run that could not be measured."""
    return LoadReport(blind=(Blind(what, why),), migrations=migrations)


def with_proposal(report: LoadReport, commands: tuple[str, ...], dry_run: str = "") -> LoadReport:
    """The report with the commands of a rollback and the verdict of its dry run, if there is a regression."""
    return replace(report, proposed=commands, dry_run=dry_run) if report.regressions else report


def _once(every: Iterable[Blind]) -> tuple[Blind, ...]:
    """The parts that could not be read, sorted. If a part does not matter, keeps only one entry about it."""
    kept = {(each.what, each.why if each.matters else ""): each for each in sorted(every)}
    return tuple(kept.values())


def _importance(finding: LoadFinding) -> tuple[bool, float]:
    before, after = finding.before or 0.0, finding.after or 0.0
    return finding.level is not LoadLevel.REGRESSION, -(after - before) * (finding.calls or 1)


def _unread(moments: Moments) -> Iterator[Blind]:
    for sample in (moments.before, moments.after, moments.end):
        yield from sample.blind


def _reset(moments: Moments) -> Iterator[Blind]:
    named = {STATEMENTS: "the statements", TABLES: "tables, indexes and transactions"}
    for interval in (moments.during, moments.window):
        for group, name in named.items():
            if interval.was_reset(group):
                yield Blind(name, "their statistics were reset while the run measured")


def _too_little(moments: Moments) -> Iterator[Blind]:
    """The parts whose load or measured time was too small to find a regression."""
    wanted = moments.policy.within.total_seconds()
    if moments.window.seconds < SHARE * wanted:
        yield Blind(
            "the time after the migrations", f"measured for {moments.window.seconds:,.0f} s instead of {wanted:,.0f} s"
        )
    if moments.window.statements() is not None:
        if not compared(moments):
            why = f"no statement had {moments.policy.calls} calls both before and after the migrations"
            yield Blind("the time of statements", why)
    elif (figures := moments.window.database()) and figures.commits < moments.policy.calls:
        yield Blind("the load", f"there were only {figures.commits} transactions after the migrations")

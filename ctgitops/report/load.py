"""Renders the load before and after a run, in the outcome of the run and on the page of `ctgitops performance`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..core.performance.report import Figure, LoadFinding, LoadLevel, LoadReport, LoadState
from ..core.run.outcome import Outcome
from . import phrases
from .json import dump
from .page import render
from .terminal_text import on_one_line, table

if TYPE_CHECKING:
    from ..core.performance.record import LoadRecord
    from ..errors import CtgitopsError

MARKS = {LoadState.REGRESSION: "🟠", LoadState.UNKNOWN: "❔", LoadState.UNCHANGED: "✅"}
_LEVELS = {LoadLevel.REGRESSION: "warning", LoadLevel.NOTICE: "note"}


def load_verdict(report: LoadReport) -> str:
    """The verdict on the load, in words."""
    measured = phrases.duration(timedelta(seconds=round(report.seconds)))
    match report.state:
        case LoadState.REGRESSION:
            return f"PERFORMANCE: {phrases.count(len(report.regressions), 'regression')} in {measured}"
        case LoadState.UNKNOWN:
            gaps = dict.fromkeys(each.what for each in report.blind if each.matters)
            return f"performance UNKNOWN: {', '.join(gaps)} could not be measured"
        case LoadState.UNCHANGED:
            return f"performance: no regression in {measured}"


def load_warnings(result: Outcome | CtgitopsError) -> tuple[str, ...]:
    """The verdict on the load as the text of an annotation. Empty if the load is good."""
    load = result.load if isinstance(result, Outcome) else None
    if not isinstance(result, Outcome) or load is None or load.state is LoadState.UNCHANGED:
        return ()
    return (f"{result.plan.environment}: {load_verdict(load)}",)


def load_lines(report: LoadReport) -> Iterator[str]:
    """The lines of an outcome on a terminal."""
    yield f"  {load_verdict(report)}"
    for finding in report.findings:
        yield from ("", f"  {_LEVELS[finding.level]}[{finding.kind}]: {on_one_line(finding.what)}")
        if finding.statement:
            yield f"    {on_one_line(finding.statement)}"
        if line := _means(finding):
            yield f"    {line}"
    if report.blind:
        yield ""
    for each in report.blind:
        yield f"  not measured: {on_one_line(each.what)}: {on_one_line(each.why)}"
    if report.figures:
        rows = [("", "before", "after"), *((each.name, _value(each, 0), _value(each, 1)) for each in report.figures)]
        yield from ("", *table(rows))
    if report.proposed:
        yield from ("", f"  next: {proposal(report)}")


def proposal(report: LoadReport) -> str:
    """What a person can do about a regression."""
    if not report.proposed:
        return ""
    dry, back = report.proposed
    said = f"; the dry run now says: {report.dry_run}" if report.dry_run else ""
    return f"if the change is not worth the regression, first run {_command(dry)}, then run {_command(back)}{said}"


def _command(text: str) -> str:
    """The command as code. On GitHub, `text` is already formatted as the inputs of a workflow."""
    return text if "`" in text else f"`{text}`"


def _means(finding: LoadFinding) -> str:
    if finding.kind != "slower-statement" or finding.before is None or finding.after is None:
        return ""
    return f"mean {finding.before:,.2f} ms before, {finding.after:,.2f} ms after"


def _value(figure: Figure, side: int) -> str:
    value = (figure.before, figure.after)[side]
    if value is None:
        return "unknown"
    if figure.unit == "bytes":
        return phrases.size(round(value))
    shown = f"{value:,.1f}" if value % 1 else f"{value:,.0f}"
    return f"{shown} {figure.unit}".strip()


def load_parts(report: LoadReport) -> dict[str, Any]:
    """The values for the template of an outcome and of a page."""
    return {
        "mark": MARKS[report.state],
        "verdict": load_verdict(report),
        "findings": [
            ("🟠" if each.level is LoadLevel.REGRESSION else "🔹", each.kind, each.what, each.statement, _means(each))
            for each in report.findings
        ],
        "blind": [(each.what, each.why) for each in report.blind],
        "figures": [(each.name, _value(each, 0), _value(each, 1)) for each in report.figures],
        "proposal": proposal(report),
    }


def performance_text(environment: str, records: Iterable[LoadRecord]) -> str:
    """The page of `ctgitops performance`, the newest run first."""
    lines = []
    for record in records:
        names = phrases.joined(record.migrations)
        lines += [f"{environment}: {phrases.moment(record.at)}, {on_one_line(names)}", ""]
        lines += [*(load_lines(record.report) if record.report else ()), ""]
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"


def performance_markdown(environment: str, records: Iterable[LoadRecord]) -> str:
    """The page of `ctgitops performance` as Markdown."""
    runs = [
        {
            "at": phrases.moment(record.at),
            "names": phrases.joined(record.migrations),
            "run_url": record.run_url,
            "load": load_parts(record.report),
        }
        for record in records
        if record.report
    ]
    return render("performance.md.j2", {"environment": environment, "runs": runs})


def performance_json(environment: str, records: Iterable[LoadRecord]) -> str:
    """The reports of `ctgitops performance` as JSON."""
    runs = [
        {
            "at": record.at.isoformat(),
            "migrations": list(record.migrations),
            "plan": record.plan,
            "actor": record.actor or None,
            "run_url": record.run_url or None,
            "report": record.report.to_data(),
        }
        for record in records
        if record.report
    ]
    return dump({"environment": environment, "runs": runs})

"""Pages about commands that ran on copies of an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .escape import code, fence, plain
from .json import dump
from .phrases import count
from .terminal_text import on_one_line

if TYPE_CHECKING:
    from ..core.trial.command_result import TestResult, TryOutcome
    from ..core.trial.reported_test import ReportedTest, ReportedTests


def try_text(outcome: TryOutcome) -> str:
    """What the copies had, and how each command ended."""
    parts = [count(len(outcome.migrations), "pending migration"), count(len(outcome.seeds), "seed file")]
    lines = [f"{outcome.environment}: a copy of the schema with {' and '.join(parts)}"]
    lines += [f"  not matched: {on_one_line(note)}" for note in outcome.notes]
    lines += [f"  {on_one_line(r.name)}: {on_one_line(r.text)} ({r.end.seconds:.1f} s)" for r in outcome.results]
    lines += [] if outcome.results else ["  the policy has no `tests`, so nothing was run"]
    return "\n".join(lines)


def try_json(outcome: TryOutcome) -> str:
    """The outcome of `try`, with the end of each command's output."""
    return dump(
        {
            "environment": outcome.environment,
            "passed": outcome.exit_status == 0,
            "migrations": list(outcome.migrations),
            "seeds": list(outcome.seeds),
            "unmatched": list(outcome.notes),
            "tests": [_result(result) for result in outcome.results],
        }
    )


def _result(result: TestResult) -> dict[str, object]:
    return {
        "name": result.name,
        "passed": result.passed,
        "exit_status": result.end.exit_status,
        "result": result.text,
        "seconds": round(result.end.seconds, 3),
        "output": result.end.output,
    }


def tests_text(found: ReportedTests) -> str:
    """The reported results for the log of a workflow."""
    if found.unknown:
        return f"not known: {on_one_line(found.unknown)}"
    lines = [f"not matched: {on_one_line(note)}" for note in found.unmatched]
    return "\n".join([*lines, *(f"{_verdict(test)}: {on_one_line(test.name)}" for test in found.tests)])


def tests_markdown(found: ReportedTests, commit: str = "") -> str:
    """The reported results for a comment. All texts in the report are untrusted, so they are escaped.

    `commit` is the tested commit. A comment names it, because no later run may replace the comment.
    """
    at = f"Commit {code(commit[:7])}: " if commit else ""
    if found.unknown:
        return f"### ❓ Tests on a copy: not known\n\n{at}{plain(found.unknown)}.\n"
    failed = [test for test in found.tests if not test.passed]
    total = count(len(found.tests), "test")
    title = f"### ⛔ {len(failed)} of {total} failed" if failed else f"### ✅ {total} passed"
    where = f"{at}Tests of the project, on a copy of {plain(found.environment)} with {_pending(found)}."
    rows = ["| test | result |", "|:--|:--|"]
    rows += [f"| {plain(test.name)} | {_verdict(test)}: {plain(test.result)} |" for test in found.tests]
    outputs = [_output(test) for test in failed if test.output.strip()]
    notes = [f"⚠️ Not matched: {plain(note)}" for note in found.unmatched]
    return "\n\n".join([f"{title} on a copy", where, *notes, "\n".join(rows), *outputs]) + "\n"


def _pending(found: ReportedTests) -> str:
    return count(found.migrations, "pending migration")


def _verdict(test: ReportedTest) -> str:
    return "✅ passed" if test.passed else "⛔ failed"


def _output(test: ReportedTest) -> str:
    summary = f"<details><summary>The end of the output of {plain(test.name)}</summary>"
    return f"{summary}\n\n{fence(test.output, 'text')}\n\n</details>"

"""Pages about commands that ran on copies of an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .json import dump
from .phrases import count
from .terminal_text import on_one_line

if TYPE_CHECKING:
    from ..core.trial.command_result import TestResult, TryOutcome


def try_text(outcome: TryOutcome) -> str:
    """What the copies had, and how each command ended."""
    parts = [count(len(outcome.migrations), "pending migration"), count(len(outcome.seeds), "seed file")]
    lines = [f"{outcome.environment}: a copy of the schema with {' and '.join(parts)}"]
    lines += [f"  not matched: {on_one_line(note)}" for note in outcome.notes]
    lines += [f"  {on_one_line(r.name)}: {on_one_line(r.text)} ({r.end.seconds:.1f} s)" for r in outcome.results]
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

"""Renders annotations as workflow commands, which GitHub's runner reads from the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.workspace.finding import Finding, Severity
from .escape import shown

if TYPE_CHECKING:
    from ..core.problem import Problem

_WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "notice"}


def check_github(problems: tuple[Problem, ...], findings: tuple[Finding, ...], folder: str = "") -> str:
    """A workflow command for each problem and finding, such as `::error file=…,line=…::what`.

    `folder` is the path of the workspace in its repository.
    """
    lines = [_line("error" if p.is_error else "warning", p, folder) for p in problems]
    lines += [_line(_WORDS[f.severity], f.problem, folder) for f in findings]
    return "".join(f"{line}\n" for line in lines)


def _line(word: str, problem: Problem, folder: str) -> str:
    where = {"title": problem.code}
    if problem.place:
        line, column = problem.place.line or 1, problem.place.column or 1
        where = {"file": f"{folder}{problem.place.path}", "line": str(line), "col": str(column), **where}
    text = ",".join(f"{key}={as_property(shown(value))}" for key, value in where.items())
    message = "\n".join(filter(None, (problem.what, problem.hint)))
    return f"::{word} {text}::{as_data(shown(message))}"


def as_data(text: str) -> str:
    """Escapes the message of a workflow command, on one line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def as_property(text: str) -> str:
    """Escapes the value of a workflow command's property."""
    return as_data(text).replace(":", "%3A").replace(",", "%2C")

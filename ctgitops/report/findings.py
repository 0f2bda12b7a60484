"""Renders problems as parts of a page. Problems that block the plan are visible. Warnings are collapsed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..core.fix import Fix, Lines
from ..core.problem import Concern, Problem
from . import escape, links, phrases

if TYPE_CHECKING:
    from ..core.gate.request import Origin

Part = dict[str, Any]

OPEN = 5
"""Maximum number of visible blocking problems. Further problems are collapsed together with the warnings."""

SHORT = 6
"""Maximum number of lines of a detail. A longer detail is collapsed."""


Measured = Mapping[Problem, tuple[str, ...]]
"""Maps each finding to lines with the trial's measurements."""


def parts_of(
    problems: Mapping[Problem, tuple[str, ...]], origin: Origin, measured: Measured = MappingProxyType({})
) -> list[Part]:
    """Every problem with its environments, as values for the template."""
    parts = [
        {**_part(problem, names, origin), "measured": [escape.plain(line) for line in measured.get(problem, ())]}
        for problem, names in problems.items()
    ]
    for part in [part for part in parts if part["blocks"]][:OPEN]:
        part["open"] = True
    return parts


def _part(problem: Problem, environments: tuple[str, ...], origin: Origin) -> Part:
    return {
        "blocks": problem.is_error,
        "open": False,
        "mark": "⛔" if problem.is_error else "⚠️",
        "code": problem.code,
        "what": escape.prose(problem.what),
        "place": links.place(problem.place, origin),
        "rule": links.rule(problem.code) if problem.concern is Concern.LINT else "",
        "hint": escape.prose(problem.hint),
        "detail": escape.fence(problem.detail, _language(problem.detail)) if problem.detail else "",
        "short": problem.detail.count("\n") < SHORT,
        "environments": phrases.joined(environments),
        **_fix(problem.fix),
    }


def _fix(fix: Fix | None) -> Part:
    lines = phrases.instead(fix) if isinstance(fix, Lines) else ""
    return {
        "fix": escape.prose(phrases.fix(fix)) if fix else "",
        "instead": escape.fence(lines, "sql") if lines else "",
    }


def folded(parts: list[Part]) -> str:
    """The title of the collapsed part, such as `2 problems, 1 warning`."""
    inside = [part["blocks"] for part in parts if not part["open"]]
    blocking = sum(inside)
    texts = [phrases.count(blocking, "problem")] if blocking else []
    texts += [phrases.count(len(inside) - blocking, "warning")] if len(inside) > blocking else []
    return ", ".join(texts)


def counts(parts: list[Part]) -> dict[str, int]:
    """Maps each kind of parts that can be left out to its number of parts. The first kind is left out first."""
    return {
        "details": sum(1 for part in parts if part["detail"]),
        "hints": sum(1 for part in parts if part["hint"]),
        "problems": len(parts),
    }


def trimmed(parts: list[Part], kept: dict[str, int]) -> list[Part]:
    """The parts to show. `kept` has the number of problems, of details and of hints to show."""
    left = {"detail": kept["details"], "hint": kept["hints"]}
    kept_parts = []
    for whole in parts[: kept["problems"]]:
        part = dict(whole)
        for key in ("detail", "hint"):
            left[key] -= bool(part[key])
            part[key] = part[key] if left[key] >= 0 else ""
        if left["hint"] < 0:
            part |= {"fix": "", "instead": ""}
        kept_parts.append(part)
    return kept_parts


def _language(detail: str) -> str:
    return "diff" if detail.startswith("---") else "text"

"""What the plan comment shows: every part of it in words, before anything is cut or laid out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup

from ..core.environment import Environment
from ..core.header import Rollback
from ..core.plan import Step
from ..core.preview import Look, Preview, Unseen
from ..core.problem import Problem
from ..core.request import Origin
from ..sql.script import Script
from . import escape, words
from .verdict import verdict

_URL = re.compile(r"https?://[\w.:-]+(/[\w./-]*)?")
_CUT = {
    "sql": "{} of {} SQL files",
    "details": "{} of {} diffs",
    "reasons": "{} of {} reasons to wait",
    "hints": "{} of {} hints",
    "problems": "{} of {} problems",
    "rows": "{} of {} migrations",
    "environments": "{} of {} environments",
}

Part = dict[str, Any]


@dataclass(frozen=True)
class Comment:
    """The plan comment of several environments; all text in it is escaped once, however often it is drawn."""

    looks: tuple[Look, ...]
    origin: Origin

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many parts of each kind there are, in the order in which kinds are dropped."""
        return {
            "sql": len(self._files),
            "details": sum(1 for part in self._problems if part["detail"]),
            "reasons": len(self._reasons),
            "hints": sum(1 for part in self._problems if part["hint"]),
            "problems": len(self._problems),
            "rows": len(self._rows),
            "environments": len(self._environments),
        }

    def values(self, kept: dict[str, int]) -> dict[str, object]:
        """What the template is given when so many parts of each kind are kept."""
        return {
            "mark": self._verdict[0],
            "verdict": self._verdict[1],
            "environments": self._environments[: kept["environments"]],
            "rows": _first(self._rows, kept["rows"]),
            "more_rows": len(self._rows) - kept["rows"],
            "problems": trimmed(self._problems[: kept["problems"]], kept),
            "reasons": self._reasons[: kept["reasons"]],
            "back": self._back,
            "files": _first(self._files, kept["sql"]),
            "lines": self._lines,
            "seeds": [seed.name for plan in words.plans(self.looks) for seed in plan.seeds][: kept["rows"] + 10],
            "prints": self._prints[: kept["environments"]],
            "commit": self.origin.commit_sha[:7],
            "run_url": Markup(self.origin.run_url) if _URL.fullmatch(self.origin.run_url) else "",  # noqa: S704
            "cut": self._cut(kept),
        }

    def _cut(self, kept: dict[str, int]) -> list[str]:
        return [_CUT[k].format(n - kept[k], n) for k, n in self.counts.items() if kept[k] < n]

    @cached_property
    def _verdict(self) -> tuple[str, Markup]:
        return verdict(self.looks)

    @cached_property
    def _environments(self) -> list[Part]:
        return [_environment(look) for look in self.looks]

    @cached_property
    def _rows(self) -> list[Part]:
        """Rows that say something special survive a cut before those that do not."""
        steps = words.steps(self.looks)
        goes_to: dict[tuple[str, ...], list[str]] = {}
        for plan in words.plans(self.looks):
            for step in plan.steps:
                goes_to.setdefault(step.identity, []).append(plan.environment)
        blamed = {p.place.path for p in words.problems(self.looks) if p.blocks and p.place}
        return [_row(step, goes_to[step.identity], blamed) for step in steps]

    @cached_property
    def _problems(self) -> list[Part]:
        one = len(self.looks) == 1
        return [problem_parts(p, () if one else names) for p, names in words.problems(self.looks).items()]

    @cached_property
    def _reasons(self) -> list[Part]:
        return [
            {"environment": look.environment.name, "what": escape.prose(r.what), "hint": escape.prose(r.hint)}
            for look in self.looks
            if isinstance(look, Preview)
            for r in look.reasons
        ]

    @cached_property
    def _back(self) -> list[Part]:
        return [_back(look) for look in self.looks if isinstance(look, Preview) and not look.plan.empty]

    @cached_property
    def _files(self) -> list[Part]:
        """Small files survive a cut before large ones."""
        scripts = [s for step in words.steps(self.looks) for s in (step.script, step.verify, step.rollback_script) if s]
        scripts += [seed.script for plan in words.plans(self.looks) for seed in plan.seeds]
        unique = list({(s.path, s.sql): s for s in scripts}.values())
        return [{**_file(script), "rank": len(script.sql)} for script in unique]

    @cached_property
    def _lines(self) -> str:
        return words.count(sum(part["lines"] for part in self._files), "line")

    @cached_property
    def _prints(self) -> list[tuple[str, str]]:
        plans = words.plans(self.looks)
        return [(plan.environment, plan.fingerprint[:12]) for plan in plans if not plan.empty]


def problem_parts(problem: Problem, environments: tuple[str, ...]) -> Part:
    """One problem as an alert shows it."""
    return {
        "alert": "CAUTION" if problem.blocks else "WARNING",
        "what": escape.prose(problem.what),
        "place": escape.code(str(problem.place)) if problem.place else "",
        "hint": escape.prose(problem.hint),
        "detail": escape.fence(problem.detail, _language(problem.detail)) if problem.detail else "",
        "environments": words.joined(environments),
    }


def _language(detail: str) -> str:
    return "diff" if detail.startswith("---") else "text"


def _first(parts: list[Part], count: int) -> list[Part]:
    """The `count` parts that matter most, in the order in which they stand."""
    if count >= len(parts):
        return parts
    ranked = sorted(range(len(parts)), key=lambda index: parts[index]["rank"])
    return [parts[index] for index in sorted(ranked[:count])]


def trimmed(problems: list[Part], kept: dict[str, int]) -> list[Part]:
    """Problems without the details and hints that are not kept."""
    left = {"detail": kept["details"], "hint": kept["hints"]}
    kept_parts = []
    for whole in problems:
        part = dict(whole)
        for key in ("detail", "hint"):
            left[key] -= bool(part[key])
            part[key] = part[key] if left[key] >= 0 else ""
        kept_parts.append(part)
    return kept_parts


def _environment(look: Look) -> Part:
    if isinstance(look, Unseen):
        return {"name": look.environment.name, "error": escape.prose(look.error.what)}
    plan = look.plan
    pending = len(plan.steps)
    seeds = f", {words.count(len(plan.seeds), 'seed file')}" if plan.seeds else ""
    return {
        "name": plan.environment,
        "error": "",
        "now": words.version(plan.current_version),
        "then": words.version(plan.target_version) if plan.steps else "the same",
        "pending": f"{pending}{seeds}" if pending or seeds else "none",
        "waits": ", ".join(words.waits_for(look.environment)) if not plan.empty else "-",
    }


def _row(step: Step, environments: list[str], blamed: set[str]) -> Part:
    special = step.breaking or not step.transactional or step.rollback is not Rollback.AVAILABLE
    paths = {s.path for s in (step.script, step.rollback_script, step.verify) if s}
    mark = "⛔" if paths & blamed else "🟠" if special else "✅"
    return {
        "mark": mark,
        "name": step.name,
        "breaking": step.breaking,
        "description": escape.plain(step.description),
        "version": words.version(step.version),
        "goes_to": environments[:5],
        "more_places": max(len(environments) - 5, 0),
        "transaction": "one transaction" if step.transactional else "",
        "estimated": escape.plain(step.estimated),
        "impact": escape.plain(step.impact),
        "rollback": words.way_back(step),
        "rank": {"⛔": 0, "🟠": 1, "✅": 2}[mark],
    }


def _back(preview: Preview) -> Part:
    plan = preview.plan
    none = [step for step in plan.steps if step.rollback is Rollback.NOT_AVAILABLE]
    manual = [step for step in plan.steps if step.rollback is Rollback.MANUAL]
    return {
        "name": plan.environment,
        **_backup(preview.environment),
        "steps": len(plan.steps),
        "command": f"ctgitops rollback --env {plan.environment} --steps {len(plan.steps)}",
        "none": [step.name for step in none[:5]],
        "more_none": max(len(none) - 5, 0),
        "manual": [(step.name, escape.plain(step.procedure)) for step in manual[:5]],
        "more_manual": max(len(manual) - 5, 0),
    }


def _backup(environment: Environment) -> Part:
    policy = environment.backup
    return {"backup": policy.to if policy else "", "critical": list(policy.critical_tables[:10]) if policy else []}


def _file(script: Script) -> Part:
    lines = script.sql.count("\n") + (not script.sql.endswith("\n"))
    return {"path": script.path, "lines": lines, "sql": escape.fence(script.sql, "sql")}

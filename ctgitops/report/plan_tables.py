"""Renders the two tables of the plan comment: one for all environments, and one with a row per migration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..core.gate.wait import wait_of
from ..core.migration.header import Rollback
from ..core.view.preview import NotPlanned, Occasion, PlanResult, Preview
from ..core.view.verdict import PlanState, gaps_of, states_of_steps
from . import escape, phrases
from .flag_waits import flag_waits
from .folded_history import hidden_in
from .impact import effect_on_worst, glance
from .verdict import MARKS
from .workflow_inputs import way_back_with_inputs

if TYPE_CHECKING:
    from ..core.gate.request import Origin
    from ..core.plan.plan import Step
    from ..core.problem import Problem

Part = dict[str, Any]

PLACES = 5
"""Maximum number of environments that one cell names."""


def environment_row(result: PlanResult) -> Part:
    """The environment's current version, the version after the plan, and the conditions for its apply."""
    if isinstance(result, NotPlanned):
        return {"name": result.environment.name, "error": escape.prose(result.error.what)}
    plan = result.plan
    numbers = ((len(plan.steps), "migration"), *phrases.file_counts(plan.seeds))
    return {
        "name": plan.environment,
        "error": "",
        # A plan that was made without its database does not know what the database has
        "now": "?" if any(p.code == "not-looked" for p in plan.problems) else phrases.version(plan.current_version),
        "then": phrases.version(plan.target_version) if plan.target_version != plan.current_version else "",
        "pending": [phrases.count(number, noun).split(" ", 1) for number, noun in numbers if number],
        "flagged": [escape.prose(text) for text in flag_waits((plan,))],
        "stopping": _stopping(result),
        "waits": _waits(result),
    }


def _waits(result: Preview) -> tuple[str, ...]:
    """The conditions for which an apply waits. If the event itself applies the plan, only the unmet conditions."""
    if result.plan.empty or (result.refusals and result.occasion is not Occasion.NONE):
        return ()
    if not result.occasion.approved:
        return phrases.waits_for(result.environment, later_branch=result.later_branch)
    approval = () if result.parked else ("an approval",)
    wait = wait_of(result.environment, result.reasons)
    reasons = (f"{', '.join(wait.gates)}, {wait.text}",) if wait and wait.until else (r.what for r in result.reasons)
    return (*approval, *(escape.prose(text) for text in dict.fromkeys(reasons)))


def _stopping(result: Preview) -> str:
    """The problems that prevent an apply to the environment. Empty if there are none."""
    if result.plan.blocked:
        return f"{phrases.count(sum(p.blocks for p in result.plan.problems), 'problem')} to solve"
    if result.occasion is not Occasion.NONE and result.refusals:
        return f"refused by {phrases.count(len(result.refusals), 'gate')}"
    return phrases.errors(result.plan) if result.plan.error_findings else ""


def migration_rows(results: tuple[PlanResult, ...], problems: Mapping[Problem, tuple[str, ...]]) -> list[Part]:
    """Each pending migration in one row, in the order of an apply to an empty database."""
    goes_to: dict[tuple[str, ...], list[str]] = {}
    for plan in phrases.plans(results):
        for step in plan.steps:
            goes_to.setdefault(step.identity, []).append(plan.environment)
    destroys = frozenset[str]().union(*(result.destroys for result in results if isinstance(result, Preview)))
    rows, seen, states = [], len(phrases.plans(results)), states_of_steps(results)
    hidden = hidden_in(results)
    for step in phrases.steps(results):
        if step.identity in hidden:
            continue
        names = goes_to[step.identity]
        only = "" if len(names) == seen else f"only {phrases.joined(tuple(names), PLACES)}"
        row = _row(step, _of(step, problems), states[step.identity], destroys)
        rows.append({**row, "tried": _tried(results, step), "only": only})
    return rows


def _of(step: Step, problems: Mapping[Problem, tuple[str, ...]]) -> list[Problem]:
    """The problems of a step, the most severe first."""
    paths = {s.path for s in (step.script, step.rollback_script, step.verify) if s}
    return [problem for problem in problems if problem.place and problem.place.path in paths]


def _tried(results: tuple[PlanResult, ...], step: Step) -> str:
    """The longest wait, and the parts not tried. Says `no blocking` only if the trial ran every statement."""
    effect = effect_on_worst(results, step)
    gaps = dict.fromkeys(gap.brief for result in results for gap in gaps_of(result, step))
    said = [glance(effect)] if effect and (effect.waits or not gaps) else []
    return "; ".join((*said, *gaps))


def _row(step: Step, found: list[Problem], state: PlanState, destroys: frozenset[str]) -> Part:
    blocked = any(problem.is_error for problem in found)
    return {
        "mark": MARKS[state],
        "name": step.name,
        "breaking": step.breaking,
        "description": step.description,
        "version": phrases.version(step.version).replace("-", "\N{EN DASH}"),
        "transactional": step.transactional,
        "batched": step.batched,
        "resumes": phrases.resumes(step),
        "estimated": step.estimated,
        "impact": step.impact,
        "rollback": phrases.way_back(step, destroys),
        "findings": phrases.count(len(found), "problem" if blocked else "warning") if found else "",
        "worst": found[0].code if found else "",
        "rank": (-state, not step.breaking),
    }


def back_of(preview: Preview, origin: Origin) -> Part:
    """The backup that is taken before an apply, and how to restore it or roll back."""
    plan, policy = preview.plan, preview.environment.backup
    left_out = [*(preview.extent.not_saved if preview.extent else ()), *preview.not_in_backup]
    none = [step for step in plan.steps if step.rollback is Rollback.NOT_AVAILABLE]
    manual = [step for step in plan.steps if step.rollback is Rollback.MANUAL]
    command = f"ctgitops rollback --env {plan.environment} --steps {len(plan.singles)}"
    back = way_back_with_inputs(command, plan) if origin.run_url else f"`{command}`"
    return {
        "name": plan.environment,
        "backup": (policy.to or policy.by.value) if policy else "",
        "by": policy.provider if policy else "",
        "encrypted": bool(policy and policy.encrypt_to),
        "from_store": bool(policy and policy.from_store),
        "whole": preview.extent is None or preview.extent.whole,
        "saved": preview.extent.saved if preview.extent else "the whole database",
        "left_out": left_out[:10],
        "more_left_out": max(len(left_out) - 10, 0),
        "critical": list(policy.critical_tables[:10]) if policy else [],
        "exported": list(policy.export.tables[:10]) if policy and policy.export else [],
        "more_exported": max(len(policy.export.tables) - 10, 0) if policy and policy.export else 0,
        "exported_as": policy.export.format.value if policy and policy.export else "",
        "steps": len(plan.steps),
        "loses": bool(preview.destroys),
        "command": f"{back[0].upper()}{back[1:]}",
        "none": [step.name for step in none[:5]],
        "more_none": max(len(none) - 5, 0),
        "manual": [(step.name, step.procedure) for step in manual[:5]],
        "more_manual": max(len(manual) - 5, 0),
    }

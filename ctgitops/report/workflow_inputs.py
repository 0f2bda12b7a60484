"""Rewrites hints for readers on GitHub. Replaces a command line by the inputs of a workflow run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.gate.gate import PLAN_AGAIN
from ..core.view.preview import PlanResult, Preview
from . import phrases

if TYPE_CHECKING:
    from ..core.performance.report import LoadReport
    from ..core.plan.plan import Plan
    from ..core.run.outcome import Outcome

_COMMAND = re.compile(r"(\b[Rr]un )?`ctgitops ([a-z]+)((?: [^`]*)?)`")
_OPTION = re.compile(r"`--(accept-data-loss|again|reason|to|fingerprint|wait|dry-run)(?: ([^`]*))?`")
_AGAIN = re.compile(r"\brun (?:the|this|the same) command again\b")
_FILE_THEN_AGAIN = re.compile(
    r"\b(correct the file|rewrite it for the version of the server|in the manifest, or make the statement faster), "
    r"then run the command again\b"
)
NEW_PULL_REQUEST = "in a new pull request: a re-run uses the same commit"
_NEW_APPROVAL = "re-run all jobs of this workflow run, then review and approve the new plan"
"""Only the job that plans gives the job that applies a new fingerprint. A run with `command: plan` applies nothing."""
_THEN_AGAIN = re.compile(r"(\bwait until [^;`]*), then run the command again\b")
"""A wait until a known time. The scheduled workflow continues the deployment, so a re-run is not necessary."""
_VERBS = {"plan", "apply", "rollback", "status", "drift", "unlock", "repair"}
"""The commands that are also values of the input `command`."""
_INPUTS = {
    "--env": "environment",
    "--to": "to",
    "--again": "again",
    "--reason": "reason",
    "--fingerprint": "fingerprint",
    "--accept-data-loss": "accept-data-loss",
    "--dry-run": "dry-run",
    "--override": "override",
}
_FLAGS = {"--dry-run": "true"}


Keeps = Callable[[str, int], str]
"""Returns the newest migration that a rollback keeps, which is the value of the rollback's input `to`.

The arguments are the environment's name, and how many of its newest migrations to roll back. Unlike a number of steps,
`to` is safe to run twice. Raises ValueError or KeyError if the migration is not known.
"""


def with_inputs(text: str, keeps: Keeps | None = None) -> str:
    """Replaces each command line that the Action can run. Leaves other command lines unchanged.

    "run `ctgitops rollback --env staging --to 008`" becomes "start the workflow with `command: rollback`, …".
    """
    text = _FILE_THEN_AGAIN.sub(rf"\1 {NEW_PULL_REQUEST}", _THEN_AGAIN.sub(r"\1", text))
    text = _AGAIN.sub("re-run the job", text).replace(PLAN_AGAIN, _NEW_APPROVAL)
    text = _COMMAND.sub(lambda match: _workflow(match, keeps), text)
    return _OPTION.sub(lambda match: f"the input `{match[1]}: {match[2] or 'true'}`", text)


def with_inputs_of(outcome: Outcome, *, approved: bool = False) -> Outcome:
    """The outcome with hints that readers on GitHub can follow. Rewrites the hints of reasons and problems.

    With `approved`, the next job of the same workflow run carries out the plan after an approval.
    """
    reasons = tuple(replace(reason, hint=with_inputs(reason.hint)) for reason in outcome.reasons)
    plan = _with_inputs(outcome.plan, None if outcome.done else _kept_by([outcome.plan]))
    command = with_inputs(f"run `{outcome.next_command}`") if outcome.next_command else ""
    command = phrases.to_approve(outcome.plan.environment) if command and approved else command
    return replace(outcome, reasons=reasons, plan=plan, next_command=command, load=_load(outcome))


def _load(outcome: Outcome) -> LoadReport | None:
    """The report on the load. Replaces the commands of the proposed rollback with the inputs of a workflow run."""
    load = outcome.load
    if load is None or not load.proposed:
        return load
    plan = outcome.plan
    return replace(load, proposed=tuple(way_back_with_inputs(command, plan) for command in load.proposed))


def results_with_inputs(results: tuple[PlanResult, ...]) -> tuple[PlanResult, ...]:
    """The plans with hints that readers on GitHub can follow. Rewrites the hints of reasons and problems."""
    keeps = _kept_by(result.plan for result in results if isinstance(result, Preview))
    return tuple(_result(result, keeps) if isinstance(result, Preview) else result for result in results)


def _result(result: Preview, keeps: Keeps) -> Preview:
    reasons = tuple(replace(reason, hint=with_inputs(reason.hint)) for reason in result.reasons)
    return replace(result, plan=_with_inputs(result.plan, keeps), reasons=reasons)


def _with_inputs(plan: Plan, keeps: Keeps | None) -> Plan:
    problems = (replace(p, hint=p.on_github or with_inputs(p.hint, keeps)) for p in plan.problems)
    return replace(plan, problems=tuple(problems))


def way_back_with_inputs(command: str, plan: Plan) -> str:
    """The command that rolls back an applied plan, as text for readers on GitHub."""
    return with_inputs(f"`{command}`", lambda _, steps: _kept(plan, steps - len(plan.singles)))


def _kept_by(plans: Iterable[Plan]) -> Keeps:
    by_name = {plan.environment: plan for plan in plans}
    return lambda environment, steps: _kept(by_name[environment], steps)


def _kept(plan: Plan, steps: int) -> str:
    """The applied migration before the newest `steps` migrations in the plan's environment, or `0`."""
    if steps == len(plan.applied) and plan.identity:  # without a database, nothing is known to be applied
        return "0"
    (name,) = (name for name, at in plan.files.where.items() if at == (plan.environment, steps + 1))
    return name


def _workflow(match: re.Match[str], keeps: Keeps | None) -> str:
    verb, found = match[2], _inputs(match[3], keeps) if match[2] in _VERBS else None
    if found is None:
        return match[0]
    return f"{'start ' if match[1] else ''}the workflow with {inputs_of([('command', verb), *found.items()])}"


def inputs_of(pairs: list[tuple[str, str]]) -> str:
    """Formats inputs as code, such as `` `command: rollback`, `to: 008` ``."""
    return ", ".join(f"`{name}: {value}`" for name, value in pairs)


def _inputs(options: str, keeps: Keeps | None) -> dict[str, str] | None:
    """The inputs for a command's options. None if an option has no input."""
    found: dict[str, str] = {}
    try:
        words = shlex.split(options)
        while words:
            option = words.pop(0)
            if option == "--steps" and keeps:
                found["to"] = keeps(found.get("environment", ""), int(words.pop(0)))
                continue
            name, value = _INPUTS[option], _FLAGS.get(option) or words.pop(0)
            found[name] = f"{found[name]} {value}" if name in found else value
    except (ValueError, KeyError, IndexError):
        return None
    return found

"""Renders the next action, which the plan comment shows below the verdict.

Proposes a merge or an approval only if no problem, gate or conflict forbids it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..core.environment.environment import Trigger
from ..core.trial.code_reference import DeployOrder, order_of
from ..core.view.preview import NotPlanned, Occasion, PlanResult, Preview
from ..core.view.verdict import PlanState, worst_state
from . import escape, links, phrases
from .flag_waits import flag_waits

if TYPE_CHECKING:
    from ..core.gate.gate import Reason
    from ..core.gate.request import Origin
    from ..core.problem import Problem

SENTENCES = 4
"""Maximum number of environments for which the advice has a separate sentence."""
REASONS = 2
"""Maximum number of reasons that the advice names."""


def advice(results: tuple[PlanResult, ...], problems: Mapping[Problem, tuple[str, ...]], origin: Origin) -> Markup:
    """The next action, which the comment shows below the verdict."""
    unseen = tuple(result for result in results if isinstance(result, NotPlanned))
    stopping = [problem for problem in problems if problem.blocks or problem.is_error_finding]
    if unseen or stopping:
        merged = any(isinstance(result, Preview) and result.occasion is not Occasion.NONE for result in results)
        return _space([*_readable(unseen), *_repair(stopping, origin, merged=merged)])
    busy = [result for result in results if isinstance(result, Preview) and not result.plan.empty]
    if not busy:
        flagged = "; ".join(flag_waits(phrases.plans(results)))
        return escape.prose(
            f"No database is changed: {flagged}." if flagged else "Nothing to do: no database is changed."
        )
    contradictions = [*_refused(busy), *_clashing(problems)]
    if contradictions:
        return _space(contradictions)
    cautions = list(_cautions(results, busy))
    sentences = (_sentence(result, cautious=bool(cautions)) for result in busy[:SENTENCES])
    return _space([*(escape.plain(text) for text in cautions), *sentences])


def _refused(busy: list[Preview]) -> Iterable[Markup]:
    """The advice about gates that refuse the plan: each reason, and what to do about it."""
    refused = [(result, reason) for result in busy for reason in result.refusals]
    for result, reason in refused[:REASONS]:
        name = Markup("<b>{}</b>").format(escape.plain(result.environment.name))
        verb = "would refuse the plan" if result.occasion is Occasion.NONE else "cannot be applied now"
        yield Markup("{} {}: {}").format(name, verb, _reason(reason))
    if len(refused) > REASONS:
        yield escape.plain(f"{phrases.count(len(refused) - REASONS, 'more reason')} below.")
    if any(result.occasion.approved for result, _ in refused):
        text = "There is nothing to approve yet. Once no gate refuses the plan, re-run all jobs of this workflow run."
        yield escape.plain(text)
    elif refused:
        yield escape.plain("Once no gate refuses the plan, re-run this workflow.")


def _reason(reason: Reason) -> Markup:
    hint = f": {reason.hint}" if reason.hint else ""
    return escape.prose(f"{reason.what}{hint}.")


def _clashing(problems: Mapping[Problem, tuple[str, ...]]) -> list[Markup]:
    """The advice for two pull requests with a conflict. Both pages show it, so it must let one of the two go first."""
    found = [problem for problem in problems if problem.brief]
    more = f" The same applies to {phrases.count(len(found) - 1, 'other conflict')}." if len(found) > 1 else ""
    return [
        escape.prose(f"Do not merge both as they are: {problem.what}: {problem.hint}.{more}") for problem in found[:1]
    ]


def _cautions(results: tuple[PlanResult, ...], busy: list[Preview]) -> Iterable[str]:
    """The actions to take before the plan is merged or approved."""
    if worst_state(results) is PlanState.UNKNOWN:
        yield "First review the unknown parts by hand."
    if any(result.destroys for result in busy):
        yield "First check the data that the plan destroys, below."
    which = order_of(phrases.plans(results))
    if which and which is not DeployOrder.SCHEMA_FIRST:
        yield phrases.order(which)


def _readable(unplanned: tuple[PlanResult, ...]) -> list[Markup]:
    found = list(phrases.errors_of(unplanned).items())[:REASONS]
    said = [
        f"Resolve the error of {phrases.joined(names)}: {text.partition(chr(10))[2] or text}" for text, names in found
    ]
    return [escape.prose(text if text.endswith(("?", ".")) else f"{text}.") for text in said]


def _repair(blocking: list[Problem], origin: Origin, *, merged: bool) -> list[Markup]:
    if not blocking:
        return []
    first = blocking[0]
    what = links.place(first.place, origin) or escape.code(first.code)
    more = f", then {phrases.count(len(blocking) - 1, 'other problem')}" if len(blocking) > 1 else ""
    if first.code == "rolled-back":  # the fix needs no commit, so no push would update the comment
        accept = Markup("Decide on {}: {}{}.").format(what, escape.prose(first.hint), more)
        return [accept, escape.plain("Then re-run this workflow.")]
    fix = Markup("Fix {}: {}{}.").format(what, escape.prose(first.hint), more)
    return [fix, escape.plain("The correction needs a pull request." if merged else "A push updates this comment.")]


def _sentence(result: Preview, *, cautious: bool) -> Markup:
    environment = result.environment
    name = Markup("<b>{}</b>").format(escape.plain(environment.name))
    waits = phrases.waits_for(environment, result.occasion, result.later_branch)
    if result.parked:
        words = Markup("There is nothing to approve yet, because {} waits: {} {}.")
        later = phrases.resumed_by(environment)
        return words.format(name, _reason(result.reasons[0]), escape.prose(later[0].upper() + later[1:]))
    if result.occasion.applies(environment):
        late = Markup(" The apply still waits: {}").format(_reason(result.reasons[0])) if result.reasons else Markup()
        begin, verb = ("Approving", "applies") if cautious else ("Approve", "to apply")
        return Markup("{} the job for {} {} this plan, and no other.{}").format(begin, name, verb, late)
    if result.later_branch:
        return Markup("{} waits for {}.").format(name, _list(waits))
    match environment.trigger:
        case Trigger.PUSH:
            after = Markup(", {}").format(_list(waits[1:])) if waits[1:] else Markup()
            begin = "Merging applies it to" if cautious else "Merge to apply it to"
            return Markup("{} {}{}.").format(begin, name, after)
        case Trigger.MANUAL:
            command = escape.code(f"ctgitops apply --env {environment.name}")
            return Markup("To apply it to {}, run {}.").format(name, command)
        case _:
            return Markup("{} waits for {}.").format(name, _list(waits))


def _list(waits: tuple[str, ...]) -> Markup:
    return Markup(", ").join(escape.plain(wait) for wait in waits)


def _space(sentences: list[Markup]) -> Markup:
    return Markup(" ").join(sentences)

"""The verdict on all plans, which is the first line of the plan comment, and the next action, shown below it."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from ..core.environment.environment import Environment, Trigger
from ..core.gate.request import Origin
from ..core.migration.header import Rollback
from ..core.problem import Problem
from ..core.trial.code_reference import DeployOrder, order_of
from ..core.view.preview import NotPlanned, PlanResult, Preview
from ..core.view.verdict import PlanState, worst_state
from . import escape, links, phrases

_DOT = Markup(" · ")
MARKS = {
    PlanState.SOUND: "✅",
    PlanState.WARNING: "🟠",
    PlanState.UNKNOWN: "❓",
    PlanState.HELD_BACK: "⛔",
    PlanState.BLOCKED: "⛔",
    PlanState.UNREADABLE: "⛔",
}
SENTENCES = 4
"""Maximum number of environments for which the advice has a separate sentence."""


def verdict(results: tuple[PlanResult, ...]) -> tuple[str, Markup]:
    """The verdict on all plans: a symbol, and one line of text."""
    steps, state = phrases.steps(results), worst_state(results)
    blocking = sum(problem.blocks for problem in phrases.problems(results))
    unseen = [result.environment.name for result in results if isinstance(result, NotPlanned)]
    busy = [result for result in results if isinstance(result, Preview) and not result.plan.empty]
    parts = [*_unseen(unseen), *_blocked(blocking), *_held_back(results)]
    parts += [_pending(results, len(steps))] if busy or not state.stops else []
    parts += [_whereto(result.environment) for result in busy[:5]] if not state.stops else []
    if breaking := sum(step.breaking for step in steps):
        parts.append(Markup(f"{breaking} BREAKING"))  # noqa: S704 - only a number is inserted
    if final := sum(step.rollback is Rollback.NOT_AVAILABLE for step in steps):
        parts.append(Markup(f"{final} IRREVERSIBLE"))  # noqa: S704 - only a number is inserted
    parts += [Markup("DESTROYS DATA")] if any(result.destroys for result in busy) else []
    parts += [escape.prose(text) for text in phrases.unknown(results)]
    parts += [Markup(text) for text in phrases.not_analysed(phrases.problems(results))]  # noqa: S704 - only a number is inserted
    return MARKS[state], _DOT.join(parts)


def _unseen(names: list[str]) -> list[Markup]:
    return [Markup(f"{escape.plain(phrases.joined(tuple(names)))} CANNOT BE READ")] if names else []  # noqa: S704 - `plain` escaped the names


def _blocked(blocking: int) -> list[Markup]:
    return [Markup(f"Blocked: {phrases.count(blocking, 'problem')} to solve first")] if blocking else []  # noqa: S704 - only a number is inserted


def _held_back(results: tuple[PlanResult, ...]) -> list[Markup]:
    errors = sum(problem.is_error_finding for problem in phrases.problems(results))
    return [Markup(f"Held back by {phrases.count(errors, 'finding')} of severity error")] if errors else []  # noqa: S704 - only a number is inserted


def _pending(results: tuple[PlanResult, ...], steps: int) -> Markup:
    seeds = len({(seed.name, seed.checksum) for plan in phrases.plans(results) for seed in plan.seeds})
    parts = [phrases.count(steps, "migration")] if steps else []
    parts += [phrases.count(seeds, "seed file")] if seeds else []
    return Markup(f"{' and '.join(parts)} pending" if parts else "Nothing to do")  # noqa: S704 - only numbers are inserted


def _whereto(environment: Environment) -> Markup:
    when = {
        Trigger.PUSH: "on merge",
        Trigger.RELEASE: "on the next release",
        Trigger.SCHEDULE: "on schedule",
        Trigger.MANUAL: "by hand",
    }[environment.trigger]
    return Markup(f"{escape.plain(environment.name)} {when}")  # noqa: S704 - `plain` escaped the name


def advice(results: tuple[PlanResult, ...], problems: Mapping[Problem, tuple[str, ...]], origin: Origin) -> Markup:
    """The next action, as text below the verdict."""
    unseen = [result for result in results if isinstance(result, NotPlanned)]
    stopping = [problem for problem in problems if problem.blocks or problem.is_error_finding]
    if unseen or stopping:
        return _space([*_readable(unseen), *_repair(stopping, origin)])
    busy = [result.environment for result in results if isinstance(result, Preview) and not result.plan.empty]
    if not busy:
        return escape.plain("Nothing to do: no database is changed.")
    which = order_of(phrases.plans(results))
    order = [escape.plain(phrases.order(which))] if which and which is not DeployOrder.SCHEMA_FIRST else []
    unknown = [escape.plain("First review by hand what is not known.")] * (worst_state(results) is PlanState.UNKNOWN)
    return _space([*unknown, *(_sentence(environment) for environment in busy[:SENTENCES]), *order])


def _readable(unseen: list[NotPlanned]) -> list[Markup]:
    said = [f"Resolve the error of {result.environment.name}: {result.error.hint}" for result in unseen[:2]]
    return [escape.prose(text if text.endswith(("?", ".")) else f"{text}.") for text in said]


def _repair(blocking: list[Problem], origin: Origin) -> list[Markup]:
    if not blocking:
        return []
    first = blocking[0]
    what = links.place(first.place, origin) or escape.code(first.code)
    more = f", then {phrases.count(len(blocking) - 1, 'other problem')}" if len(blocking) > 1 else ""
    if first.code == "rolled-back":  # the fix needs no commit, so no push would update the comment
        accept = Markup("Decide on {}: {}{}.").format(what, escape.prose(first.hint), more)
        return [accept, escape.plain("Then re-run this workflow to update this comment.")]
    fix = Markup("Fix {}: {}{}.").format(what, escape.prose(first.hint), more)
    return [fix, escape.plain("A push updates this comment.")]


def _sentence(environment: Environment) -> Markup:
    name = Markup("<b>{}</b>").format(escape.plain(environment.name))
    waits = phrases.waits_for(environment)
    match environment.trigger:
        case Trigger.PUSH:
            after = Markup(", {}").format(_list(waits[1:])) if waits[1:] else Markup()
            return Markup("Merge to apply it to {}{}.").format(name, after)
        case Trigger.MANUAL:
            command = escape.code(f"ctgitops apply --env {environment.name}")
            return Markup("To apply it to {}, run {}.").format(name, command)
        case _:
            return Markup("{} waits for {}.").format(name, _list(waits))


def _list(waits: tuple[str, ...]) -> Markup:
    return Markup(", ").join(escape.plain(wait) for wait in waits)


def _space(sentences: list[Markup]) -> Markup:
    return Markup(" ").join(sentences)

"""The verdict on all plans, which is the first line of the plan comment."""

from __future__ import annotations

from markupsafe import Markup

from ..core.environment.environment import Trigger
from ..core.migration.header import Rollback
from ..core.view.preview import NotPlanned, Occasion, PlanResult, Preview
from ..core.view.verdict import PlanState, worst_state
from . import escape, phrases
from .flag_waits import wait_words

BRIEF = 2
"""Maximum number of warnings in the verdict."""
_DOT = Markup(" · ")
MARKS = {
    PlanState.SOUND: "✅",
    PlanState.WARNING: "🟠",
    PlanState.UNKNOWN: "❓",
    PlanState.WAITING: "⏳",
    PlanState.HELD_BACK: "⛔",
    PlanState.BLOCKED: "⛔",
    PlanState.UNREADABLE: "⛔",
}


def verdict(results: tuple[PlanResult, ...]) -> tuple[str, Markup]:
    """The verdict on all plans: a mark and one line of text."""
    steps, state = phrases.steps(results), worst_state(results)
    blocking = sum(problem.blocks for problem in phrases.problems(results))
    unseen = [result.environment.name for result in results if isinstance(result, NotPlanned)]
    busy = [result for result in results if isinstance(result, Preview) and not result.plan.empty]
    parts = [*_unseen(unseen), *_blocked(blocking), *_held_back(results), *_refused(busy), *_overridden(busy)]
    parts += _brief(results)
    parts += [_pending(results, len(steps))] if busy or not state.stops else []
    parts += _flagged(results)
    parts += [_whereto(result) for result in busy[:5]] if not state.stops else []
    if breaking := sum(step.breaking for step in steps):
        parts.append(Markup(f"{breaking} BREAKING"))  # noqa: S704 - only a number is inserted
    if final := sum(step.rollback is Rollback.NOT_AVAILABLE for step in steps):
        parts.append(Markup(f"{final} IRREVERSIBLE"))  # noqa: S704 - only a number is inserted
    parts += [Markup("DESTROYS DATA")] if any(result.destroys for result in busy) else []
    parts += [escape.prose(text) for text in phrases.unknown(results)]
    parts += [Markup(text) for text in phrases.not_analysed(phrases.problems(results))]  # noqa: S704 - only a number is inserted
    return MARKS[state], _DOT.join(parts)


def _flagged(results: tuple[PlanResult, ...]) -> list[Markup]:
    waits = [wait for plan in phrases.plans(results) for wait in plan.flag_waits]
    return [Markup(wait_words(waits, "waits", "wait"))] if waits else []  # noqa: S704 - only a number is inserted


def _unseen(names: list[str]) -> list[Markup]:
    return [Markup(f"{escape.plain(phrases.joined(tuple(names)))} CANNOT BE READ")] if names else []  # noqa: S704 - `plain` escaped the names


def _blocked(blocking: int) -> list[Markup]:
    return [Markup(f"Blocked: {phrases.count(blocking, 'problem')} to solve first")] if blocking else []  # noqa: S704 - only a number is inserted


def _held_back(results: tuple[PlanResult, ...]) -> list[Markup]:
    errors = sum(problem.is_error_finding for problem in phrases.problems(results))
    return [Markup(f"Held back by {phrases.count(errors, 'finding')} of severity error")] if errors else []  # noqa: S704 - only a number is inserted


def _refused(busy: list[Preview]) -> list[Markup]:
    """The environments whose gates refuse the plan now, or will refuse it after the merge."""
    said = {
        result.environment.name: "MUST WAIT" if result.occasion is not Occasion.NONE else "WILL BE REFUSED"
        for result in busy
        if result.refusals
    }
    return [Markup(f"{escape.plain(name)} {what}") for name, what in said.items()]  # noqa: S704 - `plain` escaped the name


def _overridden(busy: list[Preview]) -> list[Markup]:
    """The environments whose gates a person overrides, which the approver must see first."""
    said = [(result.environment.name, result.override.gates) for result in busy if result.override]
    words = (f"{escape.plain(name)} OVERRIDES {escape.plain(phrases.joined(gates))}" for name, gates in said)
    return [Markup(text) for text in words]  # noqa: S704 - `plain` escaped the names


def _brief(results: tuple[PlanResult, ...]) -> list[Markup]:
    """Short texts about problems that do not block, such as a number that another pull request also uses."""
    said = dict.fromkeys(problem.brief for problem in phrases.problems(results) if problem.brief and not problem.blocks)
    more = [Markup(f"and {len(said) - BRIEF} more")] if len(said) > BRIEF else []  # noqa: S704 - only a number is inserted
    return [*(escape.plain(text) for text in list(said)[:BRIEF]), *more]


def _pending(results: tuple[PlanResult, ...], steps: int) -> Markup:
    seeds = {(seed.name, seed.checksum): seed for plan in phrases.plans(results) for seed in plan.seeds}
    parts = [phrases.count(steps, "migration")] if steps else []
    parts += [phrases.count(number, noun) for number, noun in phrases.file_counts(seeds.values())]
    return Markup(f"{' and '.join(parts)} pending" if parts else "Nothing to do")  # noqa: S704 - only numbers are inserted


def _whereto(result: Preview) -> Markup:
    when = {
        Trigger.PUSH: "on merge",
        Trigger.RELEASE: "on the next release",
        Trigger.SCHEDULE: "on schedule",
        Trigger.MANUAL: "by hand",
    }[result.environment.trigger]
    if result.later_branch:
        when = f"after a later merge into {escape.plain(result.later_branch)}"
    if result.occasion.applies(result.environment):
        when = f"with {result.occasion}"
    late = (
        f", waits for {phrases.joined(tuple(dict.fromkeys(r.gate for r in result.reasons)))}" if result.occasion else ""
    )
    return Markup(f"{escape.plain(result.environment.name)} {when}{late if result.reasons else ''}")  # noqa: S704 - `plain` escaped the name

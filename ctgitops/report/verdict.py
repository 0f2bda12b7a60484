"""Renders the verdict on all plans, which is the first line of the plan comment."""

from __future__ import annotations

from markupsafe import Markup

from ..core.environment.environment import Environment, Trigger
from ..core.migration.header import Rollback
from ..core.view.preview import Look, Preview, Unseen
from . import escape, phrases

_DOT = Markup(" · ")


def verdict(looks: tuple[Look, ...]) -> tuple[str, Markup]:
    """A symbol, and one line of text."""
    steps = phrases.steps(looks)
    blocking = sum(problem.blocks for problem in phrases.problems(looks))
    unseen = [look.environment.name for look in looks if isinstance(look, Unseen)]
    busy = [look for look in looks if isinstance(look, Preview) and not look.plan.empty]
    parts = [*_unseen(unseen), *_blocked(blocking), _pending(looks, len(steps))]
    parts += [_whereto(look.environment) for look in busy[:5]] if not blocking else []
    if breaking := sum(step.breaking for step in steps):
        parts.append(Markup(f"{breaking} BREAKING"))  # noqa: S704 - a number
    if final := sum(step.rollback is Rollback.NOT_AVAILABLE for step in steps):
        parts.append(Markup(f"{final} IRREVERSIBLE"))  # noqa: S704 - a number
    if skipped := len({each for look in busy if look.proof for each in look.proof.skipped}):
        parts.append(Markup(f"{phrases.count(skipped, 'statement')} NOT TRIED"))  # noqa: S704 - a number
    if failing := sum(problem.fails for problem in phrases.problems(looks)):
        parts.append(Markup(f"{phrases.count(failing, 'finding')} to look at"))  # noqa: S704 - a number
    parts += [Markup(text) for text in phrases.not_analysed(phrases.problems(looks))]  # noqa: S704 - a number
    mark = "⛔" if blocking or unseen or failing else "🟠" if breaking or final or phrases.problems(looks) else "✅"
    return mark, _DOT.join(parts)


def _unseen(names: list[str]) -> list[Markup]:
    return [Markup(f"{escape.plain(phrases.joined(tuple(names)))} CANNOT BE READ")] if names else []  # noqa: S704 - escaped


def _blocked(blocking: int) -> list[Markup]:
    return [Markup(f"Blocked: {phrases.count(blocking, 'problem')} to solve first")] if blocking else []  # noqa: S704 - a number


def _pending(looks: tuple[Look, ...], steps: int) -> Markup:
    seeds = len({(seed.name, seed.checksum) for plan in phrases.plans(looks) for seed in plan.seeds})
    parts = [phrases.count(steps, "migration")] if steps else []
    parts += [phrases.count(seeds, "seed file")] if seeds else []
    return Markup(f"{' and '.join(parts)} pending" if parts else "Nothing to do")  # noqa: S704 - numbers


def _whereto(environment: Environment) -> Markup:
    when = {
        Trigger.PUSH: "on merge",
        Trigger.RELEASE: "on the next release",
        Trigger.SCHEDULE: "on schedule",
        Trigger.MANUAL: "by hand",
    }[environment.trigger]
    return Markup(f"{escape.plain(environment.name)} {when}")  # noqa: S704 - escaped

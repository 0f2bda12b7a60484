"""The next action, in one or two sentences below the verdict of the plan comment."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from ..core.environment.environment import Environment, Trigger
from ..core.gate.request import Origin
from ..core.problem import Problem
from ..core.trial.deploy_order import DeployOrder, order_of
from ..core.view.preview import Look, Preview, Unseen
from . import escape, links, phrases

SENTENCES = 4
"""Maximum number of environments with a sentence of their own."""


def advice(looks: tuple[Look, ...], problems: Mapping[Problem, tuple[str, ...]], origin: Origin) -> Markup:
    """The next action, as text below the verdict."""
    unseen = [look for look in looks if isinstance(look, Unseen)]
    blocking = [problem for problem in problems if problem.blocks]
    if unseen or blocking:
        return _space([*_readable(unseen), *_repair(blocking, origin)])
    busy = [look.environment for look in looks if isinstance(look, Preview) and not look.plan.empty]
    if not busy:
        return escape.plain("Nothing to do: no database is changed.")
    which = order_of(phrases.plans(looks))
    order = [escape.plain(phrases.order(which))] if which and which is not DeployOrder.SCHEMA_FIRST else []
    return _space([*(_sentence(environment) for environment in busy[:SENTENCES]), *order])


def _readable(unseen: list[Unseen]) -> list[Markup]:
    said = [f"Resolve the error of {look.environment.name}: {look.error.hint}" for look in unseen[:2]]
    return [escape.prose(text if text.endswith(("?", ".")) else f"{text}.") for text in said]


def _repair(blocking: list[Problem], origin: Origin) -> list[Markup]:
    if not blocking:
        return []
    first = blocking[0]
    what = links.place(first.place, origin) or escape.code(first.code)
    more = f", then {phrases.count(len(blocking) - 1, 'other problem')}" if len(blocking) > 1 else ""
    if first.code == "rolled-back":  # no commit is needed, so no push updates the comment
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

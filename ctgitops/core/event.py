"""What happened on GitHub, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from .environment import Environment, Trigger


@dataclass(frozen=True)
class PullRequest:
    """A pull request was opened or changed."""

    number: int
    head_sha: str
    base_sha: str
    actor: str


@dataclass(frozen=True)
class Push:
    """Commits came to a branch."""

    branch: str
    sha: str
    default_branch: str
    actor: str


@dataclass(frozen=True)
class Release:
    """A release of a tag was published."""

    tag: str
    prerelease: bool
    actor: str


Event = PullRequest | Push | Release


@dataclass(frozen=True)
class Planning:
    """Every environment gets a plan, and none is changed."""

    environments: tuple[Environment, ...]


@dataclass(frozen=True)
class Applying:
    """These environments are brought to their targets, in this order."""

    environments: tuple[Environment, ...]


@dataclass(frozen=True)
class Nothing:
    """The event asks for nothing, and why."""

    why: str


def decide(event: Event, environments: tuple[Environment, ...]) -> Planning | Applying | Nothing:
    """What an event asks for."""
    match event:
        case PullRequest():
            return Planning(in_order_of_after(environments))
        case Push(branch=branch, default_branch=default):
            if branch != default:
                return Nothing(f"{branch} is not the default branch, {default}")
            chosen = [e for e in environments if e.trigger is Trigger.PUSH]
            return _applying(chosen, "no environment has `apply: {on: push}`")
        case Release(tag=tag, prerelease=prerelease):
            if prerelease:
                return Nothing(f"{tag} is a pre-release")
            chosen = [e for e in environments if e.trigger is Trigger.RELEASE and fnmatchcase(tag, e.tags)]
            return _applying(chosen, f"no environment has `apply: {{on: release}}` for the tag {tag}")


def _applying(chosen: list[Environment], otherwise: str) -> Applying | Nothing:
    return Applying(in_order_of_after(tuple(chosen))) if chosen else Nothing(otherwise)


def in_order_of_after(environments: tuple[Environment, ...]) -> tuple[Environment, ...]:
    """Each environment behind the one it comes after; otherwise by name."""
    by_name = {e.name: e for e in environments}
    ordered: dict[str, Environment] = {}

    def place(environment: Environment, seen: frozenset[str]) -> None:
        before = by_name.get(environment.after or "")
        if before and before.name not in seen:
            place(before, seen | {environment.name})
        ordered.setdefault(environment.name, environment)

    for environment in sorted(environments, key=lambda e: e.name):
        place(environment, frozenset({environment.name}))
    return tuple(ordered.values())

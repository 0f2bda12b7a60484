"""The order in which environments receive migrations. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .environment import Environment


def in_order_of_after(environments: tuple[Environment, ...]) -> tuple[Environment, ...]:
    """Sorts environments by name. An environment comes after the environment that its `after` names."""
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

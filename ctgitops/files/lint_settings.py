"""Validates the key `lint` of a policy or a manifest: each rule that it names must exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core.problem import Problem
from .json_schema import Fault
from .strict_yaml import Document


def unknown_rules(document: Document, usable: dict[str, Any]) -> Iterator[Fault]:
    """Reports unknown rules under `lint`, each with the most similar rule."""
    if not usable.get("lint"):
        return
    from ..lint.registry import nearest, rule_named  # noqa: PLC0415 - 20 ms, which a run without `lint:` need not pay

    for name in usable["lint"]:
        if rule_named(name) is None:
            near = nearest(name)
            hint = f"did you mean `{near}`?" if near else "docs/rules.md lists all rules"
            place = document.keys.get(("lint", name))
            yield Fault(("lint",), Problem("unknown-rule", f"there is no rule `{name}`", place, hint))

"""The key `lint` of a policy or a manifest: rules that exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from ..core.problem import Problem
from ..lint.registry import all_rules
from .schema import Fault
from .strict_yaml import Document


def unknown_rules(document: Document, usable: dict[str, Any]) -> Iterator[Fault]:
    """Names under `lint` that no rule has, each with the nearest that one has."""
    if not usable.get("lint"):
        return
    known = [rule.id for rule in all_rules()]
    for name in usable["lint"]:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean `{near[0]}`?" if near else "docs/rules.md has all of them"
            place = document.keys.get(("lint", name))
            yield Fault(("lint",), Problem("unknown-rule", f"there is no rule `{name}`", place, hint))

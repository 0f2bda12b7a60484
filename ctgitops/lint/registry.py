"""The registry of all rules, found by importing the modules in `rules/`."""

from __future__ import annotations

import difflib
import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from . import rules
from .nested_statements import CALLED

if TYPE_CHECKING:
    from .rule import Rule

_NO_STATEMENTS = {"Unread", "Allowance", "NotAnalysed", "File", CALLED}


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(rules.__path__))
    return tuple(import_module(f"{rules.__name__}.{name}").RULE for name in names)


@cache
def rules_for(kind: str) -> tuple[Rule, ...]:
    """The rules that check statements of the kind `kind`."""
    return tuple(rule for rule in all_rules() if kind in rule.kinds or not (rule.kinds or kind in _NO_STATEMENTS))


@cache
def rule_named(identity: str) -> Rule | None:
    """The rule whose ID is `identity`. None if there is none."""
    return next((rule for rule in all_rules() if rule.id == identity), None)


def nearest(name: str) -> str:
    """The rule ID that is most similar to the unknown ID `name`. Empty if no ID is similar."""
    return next(iter(difflib.get_close_matches(name, [rule.id for rule in all_rules()], 1)), "")

"""A hash of the live objects that a plan names. An approval is valid only while these objects are unchanged. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...lazy import regex
from ...sql.parse import SqlSyntaxError
from ..schema.compare import ignored
from ..schema.snapshot import SchemaObject, Snapshot, as_data

if TYPE_CHECKING:
    from ...sql.script import Script
    from .plan import Plan, Step

_WORD = regex(r"[\w$]+")
_NOT_ITSELF = frozenset({"schema", "extension", "language", "grant", "default privileges"})
"""Kinds of objects that a statement names without changing them."""


def touched_schema(plan: Plan, live: Snapshot, ignore: tuple[str, ...] = ()) -> str:
    """A hash of the objects that the plan names, with their columns, constraints, indexes and triggers.

    `ignore` has the patterns of `drift.ignore`. An interrupted step outside a transaction may have changed some
    objects. The hash leaves out the indexes of the objects that such a step names. If the step has several statements,
    the hash also leaves out the objects. So a retry needs no new approval.
    """
    named = {each.name for script in _scripts(plan) for each in _named(live, script)}
    indexed = {each.name for step in _stepwise(plan) for each in _named(live, step.script)}
    unsettled = {each.name for step in _stepwise(plan) if _many(step) for each in _named(live, step.script)}
    kept = [
        json.dumps(as_data(each), ensure_ascii=False, sort_keys=True)
        for each in live.objects
        if (each.of or each.name) in named - unsettled
        and not (each.kind == "index" and each.of in indexed)
        and not ignored(each, ignore)
    ]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest() if kept else ""


def touched_tables(plan: Plan, live: Snapshot) -> tuple[str, ...]:
    """The existing tables that the plan names."""
    named = (each for script in _scripts(plan) for each in _named(live, script))
    return tuple(dict.fromkeys(each.name for each in named if each.kind == "table"))


def _scripts(plan: Plan) -> Iterator[Script]:
    for step in plan.steps:
        yield from filter(None, (step.script, step.rollback_script, step.verify))
    yield from (seed.script for seed in plan.seeds)


def _stepwise(plan: Plan) -> Iterator[Step]:
    return (step for step in plan.steps if not step.transactional and not step.batched)


def _many(step: Step) -> bool:
    try:
        return len(step.script.statements) > 1
    except SqlSyntaxError:
        return True


def _named(live: Snapshot, script: Script) -> Iterator[SchemaObject]:
    """The objects whose names are words of a script. Also reads the bodies of the script's blocks and functions."""
    text = script.sql.lower()
    words = set(_WORD.findall(text))
    for each in live.objects:
        if not each.of and each.kind not in _NOT_ITSELF:
            bare = _bare(each.name)
            if bare in words or (not _WORD.fullmatch(bare) and bare in text):
                yield each


def _bare(name: str) -> str:
    """The last part of a name, in lower case: `people` for `public.people`, and `f` for `public.f(integer)`."""
    return name.partition("(")[0].rsplit(".", 1)[-1].strip('"').lower()

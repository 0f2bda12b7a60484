"""Schema changes in the trial that contradict `Breaking Changes: No`, including those by CASCADE and functions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ...sql.column_type import narrows, type_from
from ...sql.view_columns import view_columns
from ..problem import Problem
from ..schema.compare import Added, Altered, Changes, Removed
from ..workspace.breaking_change import HINT, UNDECLARED

if TYPE_CHECKING:
    from ..plan.plan import Plan, Step
    from ..schema.snapshot import SchemaObject

RELATIONS = {"table", "foreign table", "view", "materialized view", "sequence"}
ROUTINES = {"function", "procedure", "window function", "aggregate"}
_NAMES = {*RELATIONS, *ROUTINES, "schema", "enum", "domain", "composite type", "range type", "type", "column"}
_FIELD = re.compile(r"^--[ \t]*Breaking Changes[ \t]*:", re.MULTILINE)
_SHOWN = 3
_UNNAMED = re.compile(r"\b(?:execute|cascade|do|call|select|owned)\b", re.IGNORECASE)
"""Words of statements that can change objects without naming them."""


@dataclass(frozen=True)
class SchemaBreak:
    """An incompatible schema change that the trial found."""

    object: SchemaObject
    what: str

    @property
    def word(self) -> str:
        """The last part of the object's name. SQL may contain this part without the other parts."""
        return re.split(r"[.\" ]", self.object.name.split("(")[0].split(" to ")[0].rstrip('"'))[-1].lower()


def break_problems(plan: Plan, changes: Changes, history: Collection[str] = ()) -> Iterator[Problem]:
    """A problem for each undeclared breaking change that only the trial shows, at the step that makes the change.

    If no file names the object, the problem names all steps that may have changed it. The files in `history` were
    applied before they were checked. So they only get a warning.
    """
    reported = {problem.place.path for problem in plan.problems if problem.code == UNDECLARED and problem.place}
    found: dict[tuple[Step, ...], list[SchemaBreak]] = {}
    for each in schema_breaks(changes):
        steps = tuple(step for step in _culprits(plan.steps, each) if step.version)
        if steps and not any(step.script.path in reported for step in steps):
            found.setdefault(steps, []).append(each)
    for steps, breaks in found.items():
        yield replace(_problem(steps, breaks), blocks=any(step.script.path not in history for step in steps))


def schema_breaks(changes: Changes) -> tuple[SchemaBreak, ...]:
    """The incompatible changes in `changes`."""
    among = _Changes(changes)
    return tuple(each for change in changes for each in among.breaks_of(change))


def _culprits(steps: tuple[Step, ...], each: SchemaBreak) -> tuple[Step, ...]:
    """The last step that names the object. If no step names the object, returns all steps that may have changed it.

    None if one of these steps declares a breaking change.
    """
    named = [step for step in steps if re.search(rf"\b{re.escape(each.word)}\b", step.script.sql.lower())]
    may = named or [step for step in steps if _UNNAMED.search(step.script.sql)] or steps
    if any(step.breaking for step in may):
        return ()
    return (named[-1],) if named else tuple(may)


def _problem(steps: tuple[Step, ...], breaks: list[SchemaBreak]) -> Problem:
    step, said = steps[0], [each.what for each in breaks]
    more = f", and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    field = _FIELD.search(step.script.sql)
    names = ", ".join(each.name for each in steps)
    who = "the migration" if len(steps) == 1 else f"one of {names}"
    what = f"`Breaking Changes: No`, but in the trial {who} {', '.join(said[:_SHOWN])}{more}"
    place = step.script.place(field.start() if field else 0)
    return Problem("breaking-undeclared", what, place, HINT, "\n".join(said) if more else "")


@dataclass(frozen=True)
class _Changes:
    """All schema changes of a trial. A change is compatible or not depending on the other changes."""

    changes: Changes

    @cached_property
    def _removed(self) -> set[str]:
        return {change.object.name for change in self.changes if isinstance(change, Removed)}

    @cached_property
    def _added(self) -> dict[str, SchemaObject]:
        return {change.object.name: change.object for change in self.changes if isinstance(change, Added)}

    def breaks_of(self, change: Added | Removed | Altered) -> Iterator[SchemaBreak]:
        each = change.object
        if each.kind == "grant":
            yield from self._grant(change)
        elif isinstance(change, Altered):
            yield from (SchemaBreak(each, what) for what in _stricter(change))
        elif isinstance(change, Removed):
            yield from self._gone(each)
        elif each.kind == "column" and each.of not in self._added and _must_be_given(each):
            yield SchemaBreak(each, f"requires a value in column {each.name} (NOT NULL)")

    def _gone(self, each: SchemaObject) -> Iterator[SchemaBreak]:
        attributes = each.attributes
        with_another = each.of in self._removed or "partition_bound" in attributes or "owned_by" in attributes
        internal = attributes.get("returns") in {"trigger", "event_trigger"}
        if each.kind not in _NAMES or with_another or internal:
            return
        if each.kind in RELATIONS and each.name in self._added:
            return
        if each.kind in ROUTINES and any(_accepts(new, each) for new in self._added.values()):
            return
        yield SchemaBreak(each, f"drops or renames {each}")

    def _grant(self, change: Added | Removed | Altered) -> Iterator[SchemaBreak]:
        each = change.object
        before = change.before if isinstance(change, Altered) else each if isinstance(change, Removed) else None
        after = change.after if isinstance(change, Altered) else each if isinstance(change, Added) else None
        own = each.name.rpartition(" to ")[0].partition(" ")[2]
        if self._new_or_gone(each.of) or self._new_or_gone(own):
            return
        lost = _rights(before, "privileges") - _rights(after, "privileges")
        lost = set() if "ALL" in _rights(after, "privileges") else lost
        lost |= _rights(after, "revoked") - _rights(before, "revoked")
        if lost:
            what, _, role = each.name.rpartition(" to ")
            yield SchemaBreak(each, f"revokes {', '.join(sorted(lost))} on {what} from {role}")

    def _new_or_gone(self, name: str) -> bool:
        return bool(name) and (name in self._removed or name in self._added)


def _rights(grant: SchemaObject | None, kind: str) -> set[str]:
    return set(filter(None, grant.attributes.get(kind, "").split(", "))) if grant else set()


def _stricter(change: Altered) -> Iterator[str]:
    each, old, new = change.after, change.before.attributes, change.after.attributes
    if each.kind == "column" and narrows(type_from(old.get("type", "text")), type_from(new.get("type", "text"))):
        yield f"narrows the type of column {each.name} from {old['type']} to {new['type']}"
    if each.kind in {"column", "domain"} and new.get("not_null") == "yes" and old.get("not_null") != "yes":
        yield f"requires a value in {each} (NOT NULL)"
    if each.kind == "enum":
        labels = new.get("labels", "").split(", ")
        yield from (
            f"removes value {one} from {each}" for one in old.get("labels", "").split(", ") if one not in labels
        )
    if each.kind in ROUTINES and _signature(old) != _signature(new):
        yield f"changes the result or the defaults of {each}"
    if each.kind in {"view", "materialized view"}:
        yield from _without_columns(each, old.get("definition", ""), new.get("definition", ""))


def _without_columns(view: SchemaObject, old: str, new: str) -> Iterator[str]:
    columns = view_columns(new)
    removed = (name for name in view_columns(old) if columns and name and name not in columns)
    yield from (f"drops or renames column {name} of {view}" for name in removed)


def _signature(attributes: object) -> tuple[str, int]:
    values = attributes if isinstance(attributes, dict) else {}
    return str(values.get("returns", "")), str(values.get("arguments", "")).count(" DEFAULT ")


def _accepts(new: SchemaObject, old: SchemaObject) -> bool:
    """Whether calls of a dropped function are also valid calls of the new function.

    The additional parameters of the new function must have defaults.
    """
    name, _, inputs = old.name.removesuffix(")").partition("(")
    other, _, more = new.name.removesuffix(")").partition("(")
    same = new.kind == old.kind and name == other and f"{more},".startswith(f"{inputs}," if inputs else "")
    extra = len(list(filter(None, more.split(",")))) - len(list(filter(None, inputs.split(","))))
    returns, defaults = _signature(dict(old.attributes))
    new_returns, new_defaults = _signature(dict(new.attributes))
    return same and returns == new_returns and new_defaults >= extra + defaults


def _must_be_given(column: SchemaObject) -> bool:
    given = {"default", "identity", "generated"} & column.attributes.keys()
    return column.attributes.get("not_null") == "yes" and not given

"""The schemas after each step of a trial, stored as the objects that each step changed."""

from __future__ import annotations

from collections.abc import Mapping

from .compare import Changes, changes_between
from .snapshot import Key, SchemaObject, Snapshot

Changed = Mapping[Key, SchemaObject | None]
"""The objects that changed, by kind and name. None for an object that was removed."""


class SchemaHistory:
    """The schemas after each step. The first schema is that of 0 steps."""

    def __init__(self, first: Snapshot) -> None:
        self.first = first
        self._changed: dict[int, Changed] = {}

    def add(self, steps: int, changed: Changed) -> None:
        """Stores what changed since the last call, after the number of steps `steps`. Numbers only increase."""
        self._changed[steps] = {**self._changed.get(steps, {}), **changed}

    def has(self, steps: int) -> bool:
        """Whether the schema after the number of steps `steps` was read."""
        return steps in self._changed

    def between(self, after: int, up_to: int) -> Changed:
        """The changes of the steps after the number `after`, up to the number `up_to`."""
        found: dict[Key, SchemaObject | None] = {}
        for steps, changed in self._changed.items():
            if after < steps <= up_to:
                found |= changed
        return found

    @property
    def last(self) -> Snapshot:
        """The schema after all steps."""
        objects = _applied(dict(self.first.by_key), *self._changed.values())
        return Snapshot.of(objects.values(), self.first.about)


class SchemaComparison:
    """Compares the schemas of a history with a schema that starts as the history's first schema, and changes.

    Looks only at objects that one of the two changed. So the cost of a comparison does not grow with the schema.
    """

    def __init__(self, history: SchemaHistory) -> None:
        self._history = history
        self._steps = 0
        self._expected = dict(history.first.by_key)
        self._found = dict(history.first.by_key)
        self._different: set[Key] = set()

    @property
    def first(self) -> Snapshot:
        """The schema with which both start."""
        return self._history.first

    def differences(self, steps: int, changed: Changed) -> Changes:
        """The changes from the schema after `steps` steps to the found schema, in which `changed` has changed.

        The number of steps only increases from one call to the next.
        """
        expected = self._history.between(self._steps, steps)
        self._steps = max(self._steps, steps)
        _applied(self._expected, expected)
        _applied(self._found, changed)
        for key in (*expected, *changed):
            same = self._expected.get(key) == self._found.get(key)
            (self._different.discard if same else self._different.add)(key)
        return changes_between(self._expected, self._found, self._different)

    def agrees(self, found: Snapshot) -> bool:
        """Whether the found schema equals a snapshot that was read as a whole."""
        return self._found == found.by_key


def changed_objects(before: Snapshot, after: Snapshot) -> Changed:
    """The objects that differ between two snapshots."""
    old, new = before.by_key, after.by_key
    removed: dict[Key, SchemaObject | None] = {key: None for key in old if key not in new}
    return removed | {key: each for key, each in new.items() if old.get(key) != each}


def _applied(objects: dict[Key, SchemaObject], *all_changed: Changed) -> dict[Key, SchemaObject]:
    for changed in all_changed:
        for key, each in changed.items():
            if each is None:
                objects.pop(key, None)
            else:
                objects[key] = each
    return objects

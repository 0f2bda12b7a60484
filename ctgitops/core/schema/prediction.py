"""The schema that a plan's trial predicts, and its comparison with the schema after the apply."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .compare import Added, Altered, Change, Changes, Removed, compare, without
from .deparse import alike_once_read
from .snapshot import SchemaObject, Snapshot


@dataclass(frozen=True)
class Prediction:
    """The schema that a plan's trial predicts, as the plan file stores it."""

    fingerprint: str
    """The fingerprint of the schema after the plan."""
    changes: Changes = ()
    """The changes from the schema before the plan to the schema after it."""


@dataclass(frozen=True)
class PredictionMismatch:
    """A mismatch: the plan was applied, and the schema does not match the prediction."""

    differs: Changes = ()
    """The changes from the predicted schema to the real schema.

    Empty if the plan made the predicted changes. Other parts of the schema have then changed since the plan was made.
    """


def mismatch_of(
    prediction: Prediction, before: Snapshot, after: Snapshot, ignored: tuple[str, ...] = ()
) -> PredictionMismatch | None:
    """The mismatch. None if the schema matches. Ignores objects that a pattern in `ignored` matches."""
    if after.fingerprint == prediction.fingerprint:
        return None
    expected = changed(before, prediction.changes)
    differs = without(compare(expected, after), ignored)
    real = tuple(change for change in differs if not _same(change))
    return PredictionMismatch(real) if real or expected.fingerprint != prediction.fingerprint else None


def _same(change: Change) -> bool:
    """Whether a difference is expected and therefore not a mismatch.

    Two kinds of differences are expected: an expression that PostgreSQL deparsed a second time, as after a change of a
    column's type, and an extension's version, which depends on the server's packages.
    """
    if not isinstance(change, Altered):
        return False
    if change.object.kind == "extension":
        return all(name == "version" for name, _, _ in change.attributes)
    return alike_once_read(change.before, change.after)


def changed(schema: Snapshot, changes: Changes) -> Snapshot:
    """The schema after the changes. An `Altered` changes only the attributes that it lists.

    If an object to remove does not exist, the change is ignored.
    """
    objects = dict(schema.by_key)
    for change in changes:
        match change:
            case Added(each):
                objects[each.key] = each
            case Removed(each):
                objects.pop(each.key, None)
            case Altered(_, each):
                objects[each.key] = _altered(objects.get(each.key, each), change)
    return Snapshot.of(objects.values(), schema.about)


def _altered(each: SchemaObject, change: Altered) -> SchemaObject:
    attributes = {**each.attributes, **{name: new or "" for name, _, new in change.attributes}}
    removed = {name for name, _, new in change.attributes if new is None}
    return replace(change.after, attributes={name: v for name, v in attributes.items() if name not in removed})

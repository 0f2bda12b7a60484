"""The schema that a plan's trial predicts, and its comparison with the schema after the apply."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .compare import Added, Altered, Change, Changes, Removed, compare, without
from .deparse import alike_once_read
from .snapshot import SchemaObject, Snapshot


@dataclass(frozen=True)
class Prediction:
    """Of one plan, as its file keeps it."""

    fingerprint: str
    """Of the schema afterwards."""
    changes: Changes = ()
    """From the schema before to that afterwards."""


@dataclass(frozen=True)
class PredictionMismatch:
    """Applied, but not what was predicted."""

    differs: Changes = ()
    """From what was predicted to what is there; none: what the plan itself does came true, and the schema around it is
    another than when the plan was made."""


def unkept(
    prediction: Prediction, before: Snapshot, after: Snapshot, ignored: tuple[str, ...] = ()
) -> PredictionMismatch | None:
    """None: the schema is what was predicted, without objects that a pattern in `ignored` names."""
    if after.fingerprint == prediction.fingerprint:
        return None
    expected = changed(before, prediction.changes)
    differs = without(compare(expected, after), ignored)
    real = tuple(change for change in differs if not _same(change))
    return PredictionMismatch(real) if real or expected.fingerprint != prediction.fingerprint else None


def _same(change: Change) -> bool:
    """What PostgreSQL reads again, as where a column's type changes, it prints otherwise than it did; and the version
    of an extension is that of the server's packages."""
    if not isinstance(change, Altered):
        return False
    if change.object.kind == "extension":
        return all(name == "version" for name, _, _ in change.attributes)
    return alike_once_read(change.before, change.after)


def changed(schema: Snapshot, changes: Changes) -> Snapshot:
    """The schema with the changes made to it: of what they alter, to those attributes that they alter.

    What they remove and is not there stays away.
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
    gone = {name for name, _, new in change.attributes if new is None}
    return replace(change.after, attributes={name: v for name, v in attributes.items() if name not in gone})

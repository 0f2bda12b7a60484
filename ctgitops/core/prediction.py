"""What a plan's trial said the schema will be, held against what it is after an apply."""

from __future__ import annotations

from dataclasses import dataclass

from .compare import Added, Altered, Changes, Removed, compare
from .snapshot import Snapshot


@dataclass(frozen=True)
class Prediction:
    """Of one plan, as its file keeps it."""

    fingerprint: str
    """Of the schema afterwards."""
    changes: Changes = ()
    """From the schema before to that afterwards."""


@dataclass(frozen=True)
class Unkept:
    """Applied, but not what was predicted."""

    differs: Changes = ()
    """From what was predicted to what is there; none: what the plan itself does came true, and the schema around it is
    another than when the plan was made."""


def unkept(prediction: Prediction, before: Snapshot, after: Snapshot) -> Unkept | None:
    """None: the schema is what was predicted."""
    if after.fingerprint == prediction.fingerprint:
        return None
    return Unkept(compare(changed(before, prediction.changes), after))


def changed(schema: Snapshot, changes: Changes) -> Snapshot:
    """The schema with the changes made to it; what they remove and is not there stays away."""
    objects = dict(schema.by_key)
    for change in changes:
        match change:
            case Added(each):
                objects[each.key] = each
            case Removed(each):
                objects.pop(each.key, None)
            case Altered(_, each):
                objects[each.key] = each
    return Snapshot.of(objects.values(), schema.about)

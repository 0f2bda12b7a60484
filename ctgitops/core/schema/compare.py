"""Compares two schemas and lists the objects that were added, removed or altered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from .deparse import alike_between_majors, printed_between_majors

if TYPE_CHECKING:
    from .snapshot import Key, SchemaObject, Snapshot

KINDS = (
    "extension", "schema", "language", "collation", "enum", "domain", "composite type", "range type", "type",
    "sequence", "table", "foreign table", "column", "constraint", "index", "statistics",
    "view", "materialized view", "function", "procedure", "window function", "aggregate", "operator", "operator class",
    "cast", "trigger", "rule", "policy", "grant", "default privileges", "database", "role", "membership", "setting",
)  # fmt: skip
"""The order in which kinds are reported. Each kind precedes the kinds that depend on it. Unknown kinds come last."""
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}


@dataclass(frozen=True)
class Added:
    """An object that only the second schema has."""

    object: SchemaObject


@dataclass(frozen=True)
class Removed:
    """An object that only the first schema has."""

    object: SchemaObject


@dataclass(frozen=True)
class Altered:
    """An object that both schemas have, with different attributes."""

    before: SchemaObject
    after: SchemaObject

    @property
    def object(self) -> SchemaObject:
        """The object in the second schema."""
        return self.after

    @property
    def attributes(self) -> tuple[tuple[str, str | None, str | None], ...]:
        """Each attribute that differs, with its values before and after. None for a schema without the attribute."""
        old, new = self.before.attributes, self.after.attributes
        names = {**old, **new}
        return tuple((name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name))

    def without(self, names: Collection[str]) -> Altered | None:
        """The change without the attributes `names`. None if the objects do not differ in any other attribute."""
        values = {name: value for name, value in self.after.attributes.items() if name in names}
        before = replace(self.before, attributes={**self.before.attributes, **values})
        return None if before == self.after else Altered(before, self.after)


Change = Added | Removed | Altered
Changes = tuple[Change, ...]


def compare(before: Snapshot, after: Snapshot) -> Changes:
    """The changes that turn the first schema into the second. Each object is followed by its parts."""
    old, new = before.by_key, after.by_key
    changes = changes_between(old, new, {**old, **new})
    majors = {before.about.major, after.about.major}
    if len(majors) == 1 or 0 in majors:
        return changes
    return tuple(c for c in changes if not (isinstance(c, Altered) and alike_between_majors(c.before, c.after)))


def compare_attributes(before: Snapshot, after: Snapshot) -> Changes:
    """Like `compare`, but an altered object also leaves out attributes that two major versions print differently."""
    changes = compare(before, after)
    if before.about.major == after.about.major:
        return changes
    kept = (c.without(printed_between_majors(c.before, c.after)) if isinstance(c, Altered) else c for c in changes)
    return tuple(change for change in kept if change)


def changes_between(
    before: Mapping[Key, SchemaObject], after: Mapping[Key, SchemaObject], keys: Iterable[Key]
) -> Changes:
    """The changes of the objects `keys`, in the order of `compare`."""
    return _in_order(_changes(before, after, keys))


def _changes(
    before: Mapping[Key, SchemaObject], after: Mapping[Key, SchemaObject], keys: Iterable[Key]
) -> Iterator[Change]:
    for key in keys:
        old, new = before.get(key), after.get(key)
        if old is None and new is not None:
            yield Added(new)
        elif new is None and old is not None:
            yield Removed(old)
        elif old is not None and new is not None and old != new:
            yield Altered(old, new)


def _in_order(changes: Iterable[Change]) -> Changes:
    changes = tuple(changes)
    wholes = sorted((_rank(change.object), change.object.name) for change in changes if not change.object.of)
    ranks = {name: rank for rank, name in reversed(wholes)}

    def place(change: Change) -> tuple[int, str, bool, int, str, str]:
        each = change.object
        whole = each.of or each.name
        return ranks.get(whole, _RANK["table"]), whole, bool(each.of), _rank(each), each.kind, each.name

    return tuple(sorted(changes, key=place))


def _rank(each: SchemaObject) -> int:
    return _RANK.get(each.kind, len(KINDS))


def mirrored(changes: Changes) -> Changes:
    """The changes in the opposite direction."""
    return _in_order(_mirror(change) for change in changes)


def _mirror(change: Change) -> Change:
    match change:
        case Added(each):
            return Removed(each)
        case Removed(each):
            return Added(each)
        case Altered(before, after):
            return Altered(after, before)


def without(changes: Changes, patterns: tuple[str, ...]) -> Changes:
    """The changes of objects that no pattern matches. A pattern is, for example, `public.events_p*` or `index *`."""
    return tuple(change for change in changes if not ignored(change.object, patterns))


def without_access_of(role: str | None, changes: Changes) -> Changes:
    """The changes without additional privileges on schemas for `role`. `ctgitops roles` grants these to apply.

    None leaves out such privileges of every role.
    """
    ends = ("",) if role is None else (f" to {role}", ' to "{}"'.format(role.replace('"', '""')))
    return tuple(change for change in changes if not (isinstance(change, Added) and _is_access(change.object, ends)))


def _is_access(each: SchemaObject, ends: tuple[str, ...]) -> bool:
    return bool(each.kind == "grant" and each.name.startswith("schema ") and each.name.endswith(ends))


def ignored(each: SchemaObject, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern matches an object by its name, its kind and name, or its parent's name."""
    names = [each.name, str(each), *([each.of] if each.of else [])]
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)

"""The differences between an environment's schema and its predecessor's that no migration explains. Pure.

Both schemas are compared at the migrations of one of the two: the changes by hand in each are added to the schema that
these migrations produce. So an object without such changes in either environment is never a difference,
whatever migrations only one environment has, and however the two servers print the object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...sql.nodes import identifier
from .compare import Added, Altered, Change, Changes, compare_attributes, without
from .snapshot import Snapshot

if TYPE_CHECKING:
    from .snapshot import Key, SchemaObject, SnapshotSource


@dataclass(frozen=True)
class LedgerSchema:
    """The live schema of an environment, as the schema of its migrations and the drift from it."""

    expected: Snapshot
    """The schema that the ledger's migrations produce on a throw-away server."""
    changes: Changes
    """The drift. Leaves out differences that are ignored, accepted or the platform's."""
    live: Snapshot
    accepted: Changes = ()
    """The differences from `expected` that are accepted."""
    ignored: tuple[str, ...] = ()
    """Patterns for the objects that are not compared."""


def unexplained(
    before: LedgerSchema, after: LedgerSchema, migrations: tuple[Snapshot, Snapshot], roles: Mapping[str, str]
) -> Changes:
    """The changes from the predecessor's schema `before` to `after` that no migration explains.

    `migrations` are the schemas to which the changes by hand are added, with the predecessor's names of roles. They are
    equal unless the environments applied the same migrations with different SQL. `roles` maps names of roles in `after`
    to the names of the corresponding roles in `before`.
    """
    mine, my_accepted = (tuple(_renamed(c, roles) for c in changes) for changes in (after.changes, after.accepted))
    changes = compare_attributes(
        schema_after((*before.changes, *before.accepted), migrations[0], before.live.about),
        schema_after((*mine, *my_accepted), migrations[1], after.live.about),
    )
    by_hand = {change.object.key for change in (*before.changes, *mine)}
    accepted = {change.object.key for change in (*before.accepted, *my_accepted)} - by_hand
    changes = tuple(change for change in changes if change.object.key not in accepted)
    return compared((*_versions(before, after), *changes), before, after)


def compared(changes: Changes, before: LedgerSchema, after: LedgerSchema) -> Changes:
    """Leaves out the objects that one of the environments ignores."""
    return without(changes, (*before.ignored, *after.ignored))


def schema_after(changes: Changes, migrations: Snapshot, about: SnapshotSource) -> Snapshot:
    """The schema that `migrations` produce, with an environment's changes by hand, whose texts `about` printed."""
    by_key = {change.object.key: change for change in changes}
    found = {each.key: each for each in _changed(migrations.objects, by_key)}
    found |= {key: change.object for key, change in by_key.items() if isinstance(change, Added)}
    wholes = {each.name for each in found.values() if not each.of}
    # Without its table, a part that was added by hand does not exist either
    kept = (each for each in found.values() if not each.of or each.of in wholes or each.key in migrations.by_key)
    return Snapshot.of(kept, about)


def _changed(objects: Iterable[SchemaObject], changes: Mapping[Key, Change]) -> Iterator[SchemaObject]:
    for each in objects:
        change = changes.get(each.key)
        if change is None:
            yield each
        elif isinstance(change, Altered):
            values = {**each.attributes, **{name: new for name, _, new in change.attributes}}
            attributes = {name: value for name, value in values.items() if value is not None}
            yield replace(each, of=change.after.of, attributes=attributes)


def with_role_names(schema: Snapshot, roles: Mapping[str, str]) -> Snapshot:
    """The schema with other names of roles."""
    return Snapshot.of((_with_names(each, roles) for each in schema.objects), schema.about)


def _versions(before: LedgerSchema, after: LedgerSchema) -> Iterator[Change]:
    """The extensions whose versions differ, unless the throw-away servers install the same two versions."""
    installed = before.expected.extensions, after.expected.extensions
    for name, version in after.live.extensions.items():
        other = before.live.extensions.get(name)
        if other is not None and other != version and tuple(each.get(name) for each in installed) != (other, version):
            yield Altered(before.live.by_key["extension", name], after.live.by_key["extension", name])


def _renamed(change: Change, roles: Mapping[str, str]) -> Change:
    """The change with the predecessor's names of roles."""
    if isinstance(change, Altered):
        return Altered(_with_names(change.before, roles), _with_names(change.after, roles))
    return replace(change, object=_with_names(change.object, roles))


def _with_names(each: SchemaObject, roles: Mapping[str, str]) -> SchemaObject:
    owner = each.attributes.get("owner", "")
    attributes = {**each.attributes, "owner": roles[owner]} if owner in roles else each.attributes
    name = each.name
    for old, new in roles.items():
        if each.kind in {"grant", "default privileges"} and name.endswith(f" to {identifier(old)}"):
            name = f"{name.removesuffix(identifier(old))}{identifier(new)}"
        if each.kind == "default privileges" and name.startswith(f"of {identifier(old)} "):
            name = f"of {identifier(new)} {name.removeprefix(f'of {identifier(old)} ')}"
    return replace(each, name=name, attributes=attributes)

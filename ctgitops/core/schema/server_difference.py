"""The differences between the roles and settings of two environments that no migration explains. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ...sql.nodes import identifier
from .compare import Altered, Change, Changes, compare
from .snapshot import Snapshot

if TYPE_CHECKING:
    from .snapshot import SchemaObject

_MEMBERSHIP = re.compile(r"\b(?:grant|revoke|role|user|group)\b(?![^;]*\bon\b)", re.IGNORECASE)
"""Matches in a statement that may change a membership, but not in one that grants a privilege on an object."""
_ROLE_OF_SETTING = re.compile(r" of role (.+?)(?: in this database)?$")


def server_differences(
    before: Snapshot, after: Snapshot, roles: Mapping[str, str], left_out: Collection[str], sql: str
) -> Changes:
    """The changes from the roles and settings of one environment to those of another.

    `roles` maps roles of `after` to the corresponding roles of `before`. A corresponding role is not a change if only
    one environment has it. Leaves out the attributes, settings and memberships of the roles in `left_out`, but not
    their further members. Leaves out what `sql` explains: the migrations that only one of the two has. A role, for
    example, is in the comparison only if the database grants something to it.
    """
    names = {identifier(mine): identifier(its) for mine, its in roles.items()}
    # If both databases are on one server, each lists the roles of the other too
    before = Snapshot.of(_of_others(before, names.keys() - {*names.values()}), before.about)
    others = _of_others(after, {*names.values()} - names.keys())
    after = Snapshot.of((_with_names(each, names) for each in others), after.about)
    alone = [its for its in roles.values() if not all(("role", its) in each.by_key for each in (before, after))]
    own = {identifier(name) for name in (*left_out, *alone)}
    return tuple(c for c in compare(before, after) if not (own & {*_roles(c.object)[:1]} or _is_explained(c, sql)))


def _of_others(schema: Snapshot, roles: Collection[str]) -> Iterator[SchemaObject]:
    return (each for each in schema.objects if not any(role in roles for role in _roles(each)))


def _with_names(each: SchemaObject, names: Mapping[str, str]) -> SchemaObject:
    """The object with the predecessor's names of roles, quoted as in SQL."""
    if each.kind == "role":
        its = names.get(identifier(each.name))
        return replace(each, name=its.strip('"').replace('""', '"')) if its else each
    roles = _roles(each)
    renamed = tuple(names.get(role, role) for role in roles)
    if renamed == roles:
        return each
    if each.kind == "membership":
        return replace(each, name=" in ".join(renamed))
    return replace(each, name=each.name.replace(f" of role {roles[0]}", f" of role {renamed[0]}"))


def _roles(each: SchemaObject) -> tuple[str, ...]:
    """The roles of an object, quoted as in SQL. Of a membership, the member comes first."""
    kind, name = each.key
    if kind == "membership":
        return _both(name)
    if kind == "setting":
        match = _ROLE_OF_SETTING.search(name)
        return (match[1],) if match else ()
    return (identifier(name),) if kind == "role" else ()


def _both(name: str) -> tuple[str, str]:
    """The member and the role of a membership."""
    member, _, role = name.partition('" in ' if name.startswith('"') else " in ")
    return f'{member}"' if name.startswith('"') else member, role


def _is_explained(change: Change, sql: str) -> bool:
    kind, name = change.object.key
    if kind == "setting":
        setting = re.escape(name.partition(" of ")[0])
        return _has(rf"\balter\s+(?:role|user|database)\b[^;]*?\b(?:re)?set\s+{setting}(?![\w$.])", sql)
    if kind == "role" and isinstance(change, Altered):
        return _has(rf"\b(?:role|user|group)\s+{re.escape(identifier(name))}(?![\w$])", sql)
    if kind == "membership":
        return any(
            _MEMBERSHIP.search(part) and all(_names(part, r) for r in _roles(change.object)) for part in sql.split(";")
        )
    return kind == "role" and _names(sql, identifier(name))


def _has(pattern: str, sql: str) -> bool:
    return re.search(pattern, sql, re.IGNORECASE) is not None


def _names(sql: str, word: str) -> bool:
    return _has(rf"(?<![\w$]){re.escape(word)}(?![\w$])", sql)

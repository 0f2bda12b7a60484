"""The differences between the roles and settings of two environments that no migration explains. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
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
    before: Snapshot, after: Snapshot, roles: Mapping[str, str], given: Collection[str], sql: str
) -> Changes:
    """The changes from the roles and settings of one environment to those of another.

    Leaves out attributes, settings and memberships of the roles that each environment names itself, in `roles`, and of
    the platform's roles, in `given`. A further member of such a role is a difference. `roles` maps roles of `after` to
    those of `before`. Leaves out what `sql` explains: the migrations that only one of them has. A role, for example, is
    in the comparison only if the database grants something to it.
    """
    own = {identifier(name) for name in (*roles, *roles.values(), *given)}
    names = {identifier(mine): identifier(its) for mine, its in roles.items()}
    changes = compare(before, Snapshot.of((_member_of(each, names) for each in after.objects), after.about))
    return tuple(c for c in changes if not (own & {*_roles(c)[:1]} or _is_explained(c, sql)))


def _member_of(each: SchemaObject, names: Mapping[str, str]) -> SchemaObject:
    """A membership with the predecessor's name of the role."""
    if each.kind != "membership":
        return each
    member, role = _both(each.name)
    return replace(each, name=f"{member} in {names.get(role, role)}")


def _roles(change: Change) -> tuple[str, ...]:
    """The roles of a change, quoted as in SQL. Of a membership, the member comes first."""
    kind, name = change.object.key
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
        return any(_MEMBERSHIP.search(part) and all(_names(part, r) for r in _roles(change)) for part in sql.split(";"))
    return kind == "role" and _names(sql, identifier(name))


def _has(pattern: str, sql: str) -> bool:
    return re.search(pattern, sql, re.IGNORECASE) is not None


def _names(sql: str, word: str) -> bool:
    return _has(rf"(?<![\w$]){re.escape(word)}(?![\w$])", sql)

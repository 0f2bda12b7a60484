"""The differences between the roles and settings of two environments that no migration explains. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from ...sql.nodes import identifier
from .compare import Altered, Change, Changes, compare

if TYPE_CHECKING:
    from .snapshot import Snapshot

_ROLE_OF_SETTING = re.compile(r" of role (.+?)(?: in this database)?$")


def server_differences(before: Snapshot, after: Snapshot, own_roles: Collection[str], sql: str) -> Changes:
    """The changes from the roles and settings of one environment to those of another.

    Leaves out `own_roles`, which each environment names itself, and what `sql` names: the migrations that only one of
    them has. A role, for example, is in the comparison only if the database grants something to it.
    """
    own = {identifier(name) for name in own_roles}
    changes = compare(before, after)
    return tuple(c for c in changes if not (own & set(_roles(c)) or _is_explained(c, sql)))


def _roles(change: Change) -> Iterator[str]:
    """The roles of a change, quoted as in SQL."""
    kind, name = change.object.key
    if kind == "role":
        yield identifier(name)
    elif kind == "membership":
        yield from _both(name)
    elif kind == "setting" and (match := _ROLE_OF_SETTING.search(name)):
        yield match[1]


def _both(name: str) -> tuple[str, str]:
    """The member and the role of a membership."""
    member, _, role = name.partition('" in ' if name.startswith('"') else " in ")
    return f'{member}"' if name.startswith('"') else member, role


def _is_explained(change: Change, sql: str) -> bool:
    kind, name = change.object.key
    if kind == "setting":
        return _names(sql, name.partition(" of ")[0])
    if kind == "role" and isinstance(change, Altered):
        return bool(re.search(rf"\b(?:role|user|group)\s+{re.escape(identifier(name))}(?![\w$])", sql, re.IGNORECASE))
    return kind in {"role", "membership"} and all(_names(sql, role) for role in _roles(change))


def _names(sql: str, word: str) -> bool:
    return re.search(rf"(?<![\w$]){re.escape(word)}(?![\w$])", sql, re.IGNORECASE) is not None

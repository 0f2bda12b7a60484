"""Gaps of the sandbox: errors of a migration whose cause is a feature that only the real server has. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...errors import ApplyError
    from ..schema.source_database import SourceDatabase

_REFUSED = "42501"


def not_copied(error: ApplyError, original: SourceDatabase) -> str:
    """The missing feature of the sandbox that causes the error. Empty if the error has another cause."""
    for pattern, judge in _JUDGES.items():
        if (found := re.search(pattern, error.what)) and (why := judge(error, found, original)):
            return why
    return ""


def _power(error: ApplyError, _: re.Match[str], original: SourceDatabase) -> str:
    all_powerful = original.all_powerful if error.sqlstate == _REFUSED else ""
    return f"{all_powerful}, but no role is a superuser in the sandbox" if all_powerful else ""


def _create_database(_error: ApplyError, _: re.Match[str], original: SourceDatabase) -> str:
    creates = any(role.creates_databases for role in original.roles if role.name == original.role)
    return f"{original.role} can create databases in the real database, but not in the sandbox" if creates else ""


def _set(_error: ApplyError, found: re.Match[str], original: SourceDatabase) -> str:
    return f"the privilege to set {found[1]} is not copied" if found[1].lower() in original.settable else ""


def _service(error: ApplyError, _: re.Match[str], original: SourceDatabase) -> str:
    if error.sqlstate != _REFUSED or not original.service:
        return ""
    why = "but PostgreSQL allows it only to superusers"
    return f"the service with the role {original.service} may allow the statement, {why}"


def _role(_error: ApplyError, found: re.Match[str], original: SourceDatabase) -> str:
    return f"the sandbox does not have the role {found[1]}" if found[1] in original.predefined else ""


def _parameter(_error: ApplyError, found: re.Match[str], original: SourceDatabase) -> str:
    known = found[1] in original.withheld
    return f"the value of {found[1]} is not copied: it may be a secret" if known else ""


def _label(_error: ApplyError, _found: re.Match[str], _original: SourceDatabase) -> str:
    return "the sandbox has no security label provider"


def _database(_error: ApplyError, found: re.Match[str], original: SourceDatabase) -> str:
    return f"the sandbox does not have the database {found[1]}" if found[1] in original.databases else ""


def _tablespace(_error: ApplyError, found: re.Match[str], original: SourceDatabase) -> str:
    return f"the sandbox does not have the tablespace {found[1]}" if found[1] in original.tablespaces else ""


_JUDGES: dict[str, Callable[[ApplyError, re.Match[str], SourceDatabase], str]] = {
    "": _power,
    "permission denied to (create|rename|change owner of) database": _create_database,
    r'permission denied to set parameter "(.+)"': _set,
    r"[Mm]ust be superuser|permission denied to (?!create role\b)": _service,
    r'role "(pg_\w+)" does not exist': _role,
    r'unrecognized configuration parameter "(.+)"': _parameter,
    "security label provider": _label,
    r'tablespace "(.+)" does not exist': _tablespace,
    r'database "(.+)" does not exist': _database,
}
"""Maps patterns of the server's message to functions that decide whether a sandbox gap causes the error."""

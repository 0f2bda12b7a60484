"""Checks the sequence of schema versions. Suggests the correct version if only one version is correct."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..fix import Fix, Lines
from ..migration.migration import Migration
from ..migration.schema_version import SchemaVersion, highest, next_after
from ..problem import Problem
from .duplicates import Precedence

if TYPE_CHECKING:
    from ..environment.policy import Band, Policy

Versioned = list[tuple[Migration, SchemaVersion]]


def version_problems(
    migrations: tuple[Migration, ...], policy: Policy, precedence: Precedence | None = None
) -> Iterator[Problem]:
    """Problems with versions: duplicates, gaps, a step that contradicts the header, or a decrease within a band."""
    versioned = [(m, m.version) for m in migrations if m.version]
    by_version: dict[SchemaVersion, Migration] = {}
    for migration, version in versioned:
        other = by_version.setdefault(version, migration)
        if other is not migration:
            order = precedence or Precedence()
            changes = order.must_renumber(other, migration)
            by_version[version] = keeps = other if changes is migration else migration
            if order.contests(changes, migrations):
                yield _with_number(changes, keeps)
            else:
                yield _twice(changes, keeps, _right(changes, versioned, policy))
    # The version of the first migration stays valid even if a later migration has a lower version
    starts = {min(by_version), versioned[0][1]} if versioned else set()
    reachable = {successor for version in by_version for successor in version.successors}
    for version, migration in by_version.items():
        place = migration.place_of("Version")
        if version not in starts and version not in reachable:
            what = f"version {version} does not directly follow another version"
            fix = _right(migration, versioned, policy)
            yield Problem("version-step", what, place, _next_versions(version, set(by_version)), fix=fix)
        if version not in starts and migration.breaking != version.starts_major:
            yield _broken_promise(migration, version, _right(migration, versioned, policy))
    yield from _falling(versioned, policy)


def _with_number(migration: Migration, keeps: Migration) -> Problem:
    """A duplicate version of a file that must be renumbered. No fix, because a new number has a version of its own."""
    what = f"version {migration.version} is already used by `{keeps.path}`"
    hint = "the command that renumbers this file also gives it the next version"
    return Problem("version-duplicate", what, migration.place_of("Version"), hint)


def _twice(migration: Migration, keeps: Migration, fix: Fix | None) -> Problem:
    what = f"version {migration.version} is already used by `{keeps.path}`"
    hint = (
        "use the next version"
        if fix
        else f"`ctgitops new --renumber {migration.name}` gives it the next number and version"
    )
    if isinstance(fix, Lines):
        hint = f"use the next version: `{fix.instead[0]}`"
    return Problem("version-duplicate", what, migration.place_of("Version"), hint, fix=fix)


def _broken_promise(migration: Migration, version: SchemaVersion, fix: Fix | None) -> Problem:
    change = "Breaking Changes: Yes" if migration.breaking else "Breaking Changes: No"
    want = "a new major version" if migration.breaking else "the same major version"
    what = f"version {version} contradicts `{change}`"
    return Problem("version-breaking", what, migration.place_of("Version"), f"this header requires {want}", fix=fix)


def _right(migration: Migration, versioned: Versioned, policy: Policy) -> Fix | None:
    """The fix that gives a band's last migration the next version. None for other migrations: several versions fit."""
    band, own = policy.band(migration.number), migration.version
    others = [(m, v) for m, v in versioned if m is not migration]
    if own is None or any(policy.band(m.number) == band and m.number > migration.number for m, _ in others):
        return None
    right = next_after(highest([v for _, v in others]), breaking=migration.breaking, fix=own.patch != 0)
    return migration.saying("Version", str(right)) if right != own else None


def _next_versions(version: SchemaVersion, known: set[SchemaVersion]) -> str:
    below = max((v for v in known if v < version), default=None)
    return f"the versions after {below} are {', '.join(map(str, below.successors))}" if below else "begin with 1.0.0"


def _falling(versioned: Versioned, policy: Policy) -> Iterator[Problem]:
    last: dict[Band | None, tuple[Migration, SchemaVersion]] = {}
    for migration, version in versioned:
        band = policy.band(migration.number)
        before = last.get(band)
        if before and version < before[1]:
            what = f"version {version} is lower than {before[1]} of {before[0].name}, an earlier migration"
            fix = _right(migration, versioned, policy)
            yield Problem(
                "version-falls", what, migration.place_of("Version"), "versions must increase within a band", fix=fix
            )
        last[band] = (migration, version)

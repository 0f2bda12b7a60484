"""Incompatible changes in the SQL of a migration whose header declares `Breaking Changes: No`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...sql.breaking import KnownObjects, breaks_of
from ...sql.guard import NotAnalysedError
from ...sql.parse import SqlSyntaxError, trees
from ..file_check.syntax import file_failures
from ..problem import Problem

if TYPE_CHECKING:
    from ..migration.migration import Migration

_SHOWN = 3
UNDECLARED = "breaking-undeclared"
HINT = (
    "write `Breaking Changes: Yes` and the next major version; or keep the names that code uses now, and remove them "
    "in a later migration"
)


def breaking_problems(
    migrations: tuple[Migration, ...], asked: Collection[int] | None = None, merged: Collection[str] = ()
) -> Iterator[Problem]:
    """A problem for each migration that makes a breaking change although its header declares none.

    `asked` contains the pending migrations of a plan. Code does not use their new objects yet. If `asked` is None, each
    file is judged as if all earlier files were applied. Files in `merged` can no longer change, and only get a warning.
    """
    if not any(_declares_none(m) and (asked is None or m.number in asked) for m in migrations):
        return
    known = KnownObjects()
    for migration in migrations:
        found = tuple(_problems(migration, known, blocks=migration.path not in merged))
        pending = asked is not None and migration.number in asked
        if pending or asked is None:
            yield from found
        if not pending:
            known.forget_made()


def unchangeable(problem: Problem, has: Sequence[str], unread: Sequence[str]) -> Problem:
    """The problem for one migration. Its hint says which environment has applied the file, or may have applied it."""
    if has:
        hint = (
            f"this file must not change, because it is applied in {' and '.join(has)}: before you apply it here, "
            "deploy code that does not need the changed objects"
        )
        return replace(problem, hint=hint, blocks=False)
    if unread:
        names = " and ".join(unread)
        hint = f"{problem.hint}; but do not change the file if it is applied in {names}, which could not be read"
        return replace(problem, hint=hint)
    return problem


def _declares_none(migration: Migration) -> bool:
    return migration.header is not None and not migration.header.breaking


def _problems(migration: Migration, known: KnownObjects, *, blocks: bool) -> Iterator[Problem]:
    script = migration.up
    try:
        found = breaks_of(trees(script.sent), known)
        starts = [script.start_of(statement) for statement in script.statements]
    except NotAnalysedError as error:
        yield from file_failures(script, [error.failure]) if _declares_none(migration) else ()
        return
    except SqlSyntaxError:
        return  # a separate problem reports the syntax error
    if not found or not _declares_none(migration):
        return
    said = [f"{each.what} (line {script.place(starts[each.statement]).line})" for each in found]
    more = f", and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    what = f"`Breaking Changes: No`, but the migration {', '.join(said[:_SHOWN])}{more}"
    detail = "\n".join(said) if more else ""
    yield Problem("breaking-undeclared", what, migration.place_of("Breaking Changes"), HINT, detail, blocks=blocks)

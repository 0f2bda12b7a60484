"""Applies fixes: changes lines, renames files, and writes follow-up migrations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.fix import Fix, FollowUpMigration, Lines, Rename
from ..sql.breaking import KnownObjects, breaks_of
from ..sql.nodes import dropped_names
from ..sql.outer_transaction import outer_pair
from ..sql.parse import SqlSyntaxError, Tree, statements, trees
from ..sql.tokens import first_word
from .scaffold import Change, NewFile, Order, new_migration, write_files

if TYPE_CHECKING:
    from ..core.migration.migration import Migration
    from ..core.workspace.workspace import Workspace


def fix_lines(root: Path, workspace: Workspace, fixes: Iterable[Fix]) -> tuple[tuple[str, ...], tuple[Lines, ...]]:
    """Changes lines and renames files. If two fixes change the same line, applies only the first. Writes.

    Returns messages about the changes, and the remaining fixes, which need a follow-up migration.
    """
    wanted = [fix for fix in dict.fromkeys(fixes) if isinstance(fix, Lines)]
    done, begun = [], []
    for path in dict.fromkeys(fix.path for fix in wanted):
        migration = next((m for m in workspace.migrations if m.path == path), None)
        mine = [fix for fix in _apart(fix for fix in wanted if fix.path == path) if _rollback_fits(migration, fix)]
        _write_lines(root / path, mine)
        done += [f"changed {path}"] if mine else []
        begun += [fix for fix in mine if fix.then]
    for fix in fixes:
        if isinstance(fix, Rename) and not (root / fix.to).exists():
            (root / fix.path).rename(root / fix.to)
            done.append(f"renamed {fix.path} to {fix.to}")
    return tuple(done), tuple(begun)


def fix_after(root: Path, workspace: Workspace, fix: Lines, order: Order) -> tuple[str, ...]:
    """Writes the follow-up migration of a fix. If necessary, adapts the rollback of the fixed migration. Writes.

    `workspace` must include the follow-up migrations of earlier fixes.
    """
    migration = next((m for m in workspace.migrations if m.path == fix.path), None)
    if migration is None or fix.then is None:
        return ()
    band = next((band.name for band in workspace.policy.bands if migration.number in band), None)
    change = Change.BREAKING if breaks_of(trees(fix.then.sql), KnownObjects()) else Change.FIX
    asked = replace(order, words=fix.then.words, change=change, band=band, after=migration.number)
    up, down = new_migration(workspace, asked)
    files = (NewFile(up.path, f"{up.text}{fix.then.sql}\n"), NewFile(down.path, f"{down.text}{fix.then.rollback}\n"))
    written = [f"wrote {path}" for path in write_files(root, files)]
    return (*written, *_also(root, migration, fix.then))


def _also(root: Path, migration: Migration, then: FollowUpMigration) -> Iterator[str]:
    if migration.down is None or not (then.also or then.makes):
        return
    path = root / migration.down.path
    text = _read(path)
    end = "\r\n" if "\r\n" in text else "\n"
    _write(path, _with(_without(text, then.makes).rstrip() + end, then.also, end))
    yield f"changed {migration.down.path}"


def _with(text: str, statement: str, end: str) -> str:
    """Adds a statement at the end of a rollback, or before the rollback's own COMMIT if it has one."""
    try:
        pair = outer_pair(statements(text))
    except SqlSyntaxError:
        pair = ()
    at = first_word(text, pair[1].start, pair[1].end) if pair else len(text)
    return f"{text[:at]}{statement}{end}{text[at:]}" if statement else text


def _without(text: str, index: str) -> str:
    """Removes from a rollback the statement that drops an index."""
    if not index:
        return text
    try:
        drop = next((tree for tree in trees(text) if _drops(tree, index)), None)
    except SqlSyntaxError:
        return text
    if drop is None:
        return text
    start = first_word(text, drop.start, drop.end)
    before, after = text[:start].rstrip(" \t"), text[drop.end :].removeprefix(";").lstrip(" \t")
    whole_line = not before or before.endswith("\n")
    return before + (after.removeprefix("\r").removeprefix("\n") if whole_line else after)


def _drops(tree: Tree, index: str) -> bool:
    """Whether a statement drops only this index."""
    if tree.kind != "DropStmt" or tree.node.get("removeType") != "OBJECT_INDEX":
        return False
    names = list(dropped_names(tree.node))
    return len(names) == 1 and names[0][-1] == index


def _rollback_fits(migration: Migration | None, fix: Lines) -> bool:
    """Whether the migration's rollback stays correct if a follow-up migration creates the object instead."""
    if fix.then is None or not fix.then.needed:
        return True
    if migration is None or (migration.down and migration.down.path == migration.path):
        return False
    left = _without(migration.down.sql, fix.then.makes) if migration.down else ""
    return not fix.then.makes or fix.then.makes not in left


def _apart(fixes: Iterable[Lines]) -> list[Lines]:
    taken: set[int] = set()
    kept = []
    for fix in fixes:
        lines = set(range(fix.first, fix.last + 1))
        if not lines & taken:
            taken |= lines
            kept.append(fix)
    return kept


def _write_lines(path: Path, fixes: list[Lines]) -> None:
    text = _read(path)
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    for fix in sorted(fixes, key=lambda each: -each.first):
        lines[fix.first - 1 : fix.last] = fix.instead
    if fixes:
        _write(path, end.join(lines))


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(text)

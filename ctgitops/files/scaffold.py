"""Creates the files for `ctgitops new` and `ctgitops init`, and adds backup folders to .gitignore."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..core.environment.policy import EVERYTHING, Band
from ..core.migration.migration_name import LARGEST
from ..core.migration.schema_version import SchemaVersion, highest
from ..core.migration.structure import PARTS
from ..errors import CtgitopsError, UsageError
from ..layouts.registry import tool_of
from ..lazy import dataclass
from .git import in_repository
from .git_command import Git

if TYPE_CHECKING:
    from ..core.workspace.workspace import Workspace

_TIMESTAMP = 10**13
"""The smallest number that is a 14-digit timestamp. Supabase and dbmate use such numbers."""

_MIGRATION = """\
-- Migration: {name}
-- Version: {version}
-- Description: {description}
-- Breaking Changes: {breaking}
-- Rollback: Available
-- Created: {created}
-- Author: {author}
--
-- Dependencies: {dependencies}
-- Estimated Execution Time: unknown
-- Impact: unknown

"""
_DOWN = "-- Rolls back {name}.\n\n"


class Change(StrEnum):
    """How a new migration affects users of the schema. This determines the migration's version."""

    BREAKING = "breaking"
    ADDITIVE = "additive"
    FIX = "fix"


@dataclass(frozen=True)
class NewFile:
    """A file to write, at a path relative to the repository's root."""

    path: str
    text: str


@dataclass(frozen=True)
class Order:
    """The arguments of `ctgitops new`."""

    words: str
    author: str
    now: datetime
    change: Change = Change.ADDITIVE
    band: str | None = None
    after: int | None = None
    """The number of the migration on which the new one depends. None for the highest number of its band."""
    before: int | None = None
    """The number of a pending migration that the new migration must precede."""


def new_migration(workspace: Workspace, order: Order) -> tuple[NewFile, ...]:
    """The files of the next migration. Writes nothing.

    In the layout of ctgitops, the files are the migration with a filled-in header, and its rollback.
    """
    if not workspace.policy.layout.is_own:
        return _in_layout(workspace, order)
    number = _next_number(workspace, order)
    name = f"{number:03}_{slug_of(order.words)}"
    band = workspace.policy.band(number)
    same = [m for m in workspace.migrations if workspace.policy.band(m.number) == band]
    # a migration that waits for a flag must not delay the new one, which waits by itself if it uses the other's objects
    earlier = [m.number for m in same if not (m.flag or m.contract_lines)]
    if order.before is not None:
        _want(workspace, order.before)
        earlier = [n for n in earlier if n < order.before]
    after = order.after or (earlier[-1] if earlier else None)
    text = _MIGRATION.format(
        name=name,
        version=_next_version(workspace, order.change),
        description=" ".join(order.words.split()),
        breaking="Yes" if order.change is Change.BREAKING else "No",
        created=f"{order.now:%Y-%m-%d}",
        author=" ".join(order.author.split()),
        dependencies=f"{after:03}" if after else "None",
    )
    text += "" if order.before is None else f"-- ctgitops: before {order.before:03}\n\n"
    folder = workspace.policy.layout.folder
    return NewFile(f"{folder}/{name}.sql", text), NewFile(f"{folder}/{name}.down.sql", _DOWN.format(name=name))


def _in_layout(workspace: Workspace, order: Order) -> tuple[NewFile, ...]:
    """The empty files of the next migration, with the names that another tool uses."""
    layout = workspace.policy.layout
    tool = tool_of(layout.name)
    if not tool.new or layout.version_parts > 1:
        hint = f"create the migration with `{tool.creates}`" if tool.creates else "create the file by hand"
        raise UsageError(f"{tool.title} keeps its own list of migrations, which only {tool.title} writes", hint=hint)
    number, words = _next_number(workspace, order), slug_of(order.words)
    paths = (path.format(number=number, words=words) for path in (tool.new, tool.new_down) if path)
    return tuple(NewFile(f"{layout.prefix}{path}", tool.template if path.endswith(".sql") else "") for path in paths)


def with_parts(migration: NewFile) -> NewFile:
    """The same new migration with headings and comments for its nine parts, below the header. Writes nothing."""
    name = migration.path.rpartition("/")[2]
    parts = (f"{part.heading}\n-- {part.purpose}\n" for part in PARTS)
    return NewFile(migration.path, migration.text + "\n".join(parts).replace("NNN_name.sql", name))


def write_files(root: Path, files: tuple[NewFile, ...]) -> tuple[str, ...]:
    """Writes the files that do not exist yet, and returns their paths. Never overwrites a file."""
    written = []
    for file in files:
        path = root / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8", newline="\n") as target:
                target.write(file.text)
        except FileExistsError:
            continue
        written.append(file.path)
    return tuple(written)


def slug_of(words: str) -> str:
    """The words as a part of a file name. Raises UsageError if they contain no letter or digit."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "_", plain)[:60].strip("_")
    if not slug:
        hint = 'describe the migration in a few words: `ctgitops new "add photos to projects"`'
        raise UsageError(f"`{words}` contains no letter or digit for a file name", hint=hint)
    return slug


def _want(workspace: Workspace, number: int) -> None:
    if all(m.number != number for m in workspace.migrations):
        has = ", ".join(f"{m.number:03}" for m in workspace.migrations[-5:]) or "none"
        raise UsageError(
            f"`--before {number:03}`: that migration does not exist", hint=f"the newest migrations are {has}"
        )


def _next_number(workspace: Workspace, order: Order) -> int:
    band = _band(workspace, order.band)
    highest_number = max((m.number for m in workspace.migrations if m.number in band), default=max(band.first, 1) - 1)
    if highest_number >= _TIMESTAMP:
        return max(highest_number + 1, int(f"{order.now:%Y%m%d%H%M%S}"))
    if highest_number >= min(band.last, LARGEST):
        hint = "choose another band with `--band`, or extend this band in migrations/policy.yaml"
        raise UsageError(f"band {band} has no free number", hint=hint)
    return highest_number + 1


def _band(workspace: Workspace, name: str | None) -> Band:
    bands = workspace.policy.bands
    if name is not None:
        band = next((band for band in bands if band.name == name), None)
        if band is None:
            known = ", ".join(str(b) for b in bands) or "none"
            raise UsageError(f"band `{name}` does not exist", hint=f"bands in migrations/policy.yaml: {known}")
        return band
    last = workspace.migrations[-1].number if workspace.migrations else None
    used = workspace.policy.band(last) if last is not None else None
    return used or next(iter(bands), EVERYTHING)


def _next_version(workspace: Workspace, change: Change) -> SchemaVersion:
    newest = highest([m.version for m in workspace.migrations if m.version])
    if newest is None:
        return SchemaVersion(1, 0, 0)
    return dict(zip(Change, newest.successors, strict=True))[change]


GITIGNORE = ".gitignore"
_BACKUPS = "backups"
_COMMENT = "# backups of ctgitops hold real rows"


def ignore_backups(root: Path, folders: tuple[str, ...]) -> tuple[str, ...]:
    """Adds the folders inside the root to .gitignore, unless git already ignores them. Returns the patterns. Writes."""
    wanted = dict.fromkeys(pattern for folder in folders if (pattern := _pattern(folder)))
    path = root / GITIGNORE
    before = path.read_bytes() if path.is_file() else b""
    known = {_bare(line) for line in before.decode(errors="replace").splitlines()}
    missing = [p for p in wanted if _bare(p) not in known and not _ignored(root, p)]
    if not missing:
        return ()
    start = b"" if not before or before.endswith(b"\n") else b"\n"
    added = "\n".join((_COMMENT, *missing, ""))
    if path.is_symlink():
        raise UsageError(
            f"{GITIGNORE} is a symbolic link", hint=f"add these lines to a regular file: {' '.join(missing)}"
        )
    try:
        with path.open("ab") as file:
            file.write(start + added.encode())
    except OSError as error:
        raise UsageError(f"{GITIGNORE} cannot be written: {error.strerror}", hint="make the file writable") from None
    return tuple(missing)


def _pattern(folder: str) -> str:
    """The .gitignore pattern for a folder in a manifest. Empty if the folder is outside the root."""
    parts = [part for part in PurePosixPath(folder).parts if part != "."]
    if not parts or parts[0] == "/" or ".." in parts or "://" in folder:
        return ""
    return f"/{_BACKUPS}/" if parts[0] == _BACKUPS else f"/{'/'.join(parts)}/"


def _bare(line: str) -> str:
    """The folder in a .gitignore line, without anchors and without `!`. A line with `!` also counts."""
    return line.strip().removeprefix("!").removesuffix("*").strip("/")


def _ignored(root: Path, pattern: str) -> bool:
    """Whether git already ignores files in the folder. False if git fails."""
    if not in_repository(root):
        return False
    try:
        git = Git(root, "what it ignores")
        return git.text_or_none("check-ignore", "-q", f".{pattern}x") is not None
    except CtgitopsError:
        return False

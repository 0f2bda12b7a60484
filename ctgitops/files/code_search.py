"""Searches the repository's code for names. Reads the files that git tracks, or without git all files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import field
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..core.code.source import is_code
from ..core.problem import Problem
from ..core.trial.code_reference import Mention, Searched, mentions_in
from ..lazy import dataclass
from .git import tracked
from .policy import layout_of
from .repository import Repository, shown

if TYPE_CHECKING:
    from ..sql.name_changes import SearchedName

LARGEST = 1_000_000
"""Maximum size of a file in bytes. A larger file is assumed to be generated."""
MOST = 50_000
"""Maximum number of files to search. A search of this number of files ends within seconds."""
SECONDS = 30
"""Time limit in seconds. A search of 20,000 files (150 MB) took 8 to 19 s of one core. Common names take longer."""
_OURS = ("migrations", "seeds", "environments")
_NOT_CODE = {".md", ".mdx", ".rst", ".adoc", ".txt", ".csv", ".lock", ".svg", ".log", ".map", ".snap"}
_NOT_OURS = {"node_modules", "vendor", "third_party", "dist", "build", "target", "venv", "__pycache__"}
_GENERATED = ("-lock.json", "-lock.yaml", ".min.js", ".min.css")


def search_code(root: Path, repository: Path, those: tuple[SearchedName, ...]) -> Searched:
    """Finds references to names in a repository's files. Skips the workspace `root`, which contains no code."""
    top = repository if root.resolve().is_relative_to(repository.resolve()) else root
    inside = root.resolve().relative_to(top.resolve())
    outside = tuple(f"{(inside / folder).as_posix()}/" for folder in (*_OURS, layout_of(root).folder))
    skipped = _Unreadable()
    paths = [path for path in _paths(top, skipped.unreadable) if _is_code(path, outside)]
    found = list(_searched(top, paths[:MOST], those, skipped))
    return Searched(tuple(chain.from_iterable(found)), _unsearched(paths, len(found), skipped))


@dataclass(frozen=True)
class _Unreadable:
    """The files that could not be searched."""

    unreadable: list[str] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    """Problems with code files that are too large, or that are not valid UTF-8."""


def _searched(
    top: Path, paths: list[str], those: tuple[SearchedName, ...], skipped: _Unreadable
) -> Iterator[tuple[Mention, ...]]:
    """The mentions in each file. Stops at the time limit."""
    reader = Repository(top)
    until = time.monotonic() + SECONDS
    for path in paths:
        if time.monotonic() > until:
            return
        text = reader.text(path, LARGEST)
        if not isinstance(text, Problem):
            yield tuple(mentions_in(shown(path), text, those))
            continue
        if text.code == "unreadable" and not _missing(top / path):
            skipped.unreadable.append(shown(path))
        elif text.code not in {"unreadable", "symlink", "not-a-file"} and is_code(path):  # an image is not code
            skipped.refused.append(text)
        yield ()


def _unsearched(paths: list[str], number: int, skipped: _Unreadable) -> str:
    """Which part of the code was not searched, and why. Empty if all code was searched."""
    said = []
    if number < min(len(paths), MOST):
        said.append(f"the search ends after {SECONDS} seconds, with {number:,} of {len(paths):,} files searched")
    elif number < len(paths):
        said.append(f"there are more than {MOST:,} files")
    if skipped.unreadable:
        said.append(f"{len(skipped.unreadable)} files or folders cannot be read, such as `{skipped.unreadable[0]}`")
    if skipped.refused:
        first = skipped.refused[0]
        path = shown(first.place.path if first.place else "")
        said.append(f"{len(skipped.refused)} files are not searched, such as `{path}`: {first.what}")
    return "; ".join(said)


def _missing(path: Path) -> bool:
    """Whether a file that git tracks is deleted in the working tree."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _paths(root: Path, unread: list[str]) -> Iterator[str]:
    listed = tracked(root)
    if listed is not None:
        yield from listed
        return

    def refused(error: OSError) -> None:
        unread.append(shown(Path(error.filename).relative_to(root).as_posix()))

    for folder, folders, names in os.walk(root, onerror=refused):
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in _NOT_OURS)
        yield from (Path(folder, name).relative_to(root).as_posix() for name in sorted(names))


def _is_code(path: str, outside: tuple[str, ...]) -> bool:
    parts = PurePosixPath(path)
    if path.startswith(outside) or _NOT_OURS.intersection(parts.parts[:-1]) or parts.name.startswith("."):
        return False
    return parts.suffix.lower() not in _NOT_CODE and not parts.name.endswith(_GENERATED)

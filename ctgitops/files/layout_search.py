"""Searches a repository's files for migrations of any tool, for `ctgitops init`."""

from __future__ import annotations

import os
from pathlib import Path

from ..core.problem import Problem
from ..layouts.configuration import ToolSettings, settings_of
from ..layouts.search import FoundCode, FoundLayout, found_code, found_layouts
from .repository import Repository

MOST = 200_000
"""Maximum number of files in the list."""
LARGEST = 1_000_000
"""Maximum size in bytes of a file in which directives are searched."""
_SKIPPED = {".git", "node_modules", "vendor", "target", ".venv", "venv", "dist", "build", "__pycache__"}


def search_layouts(root: Path) -> tuple[tuple[FoundLayout, ...], tuple[FoundCode, ...]]:
    """The folders with SQL migrations below `root`, and the migrations that are code. Read-only."""
    paths = _listed(root)
    repository = Repository(root)

    def text_of(path: str) -> str:
        text = repository.text(path, LARGEST)
        return "" if isinstance(text, Problem) else text

    return found_layouts(paths, text_of), found_code(paths)


def settings_at(root: Path, chosen: FoundLayout) -> ToolSettings:
    """The settings in the configuration files of the tool whose folder was chosen. Read-only."""
    repository = Repository(root)

    def text_of(path: str) -> str:
        text = repository.text(path, LARGEST)
        return "" if isinstance(text, Problem) else text

    return settings_of(chosen.layout, chosen.folder, _listed(root), text_of)


def _listed(root: Path) -> tuple[str, ...]:
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        found += (Path(folder, name).relative_to(root).as_posix() for name in sorted(names))
        if len(found) > MOST:
            break
    return tuple(found[:MOST])

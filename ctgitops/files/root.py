"""Finds the root of a workspace from a folder inside it, as git does for a repository."""

from __future__ import annotations

from pathlib import Path

_FOLDERS = ("migrations", "environments", "seeds")


def find_root(start: Path) -> Path:
    """The nearest folder with migrations/ or environments/, from `start` upwards. `start` if there is no such folder.

    The search ends at the root of the git repository. Outside a repository, `enclosing_root` decides.
    """
    here = start.resolve()
    if _is_root(here):
        return start
    return next((folder for folder in _above(here) if _is_root(folder)), None) or enclosing_root(start)


def enclosing_root(start: Path) -> Path:
    """The folder whose migrations/, environments/ or seeds/ contains `start`. `start` if there is no such folder."""
    here = start.resolve()
    if _is_root(here):
        return start
    inner = [here, *here.parents]
    return next((folder.parent for folder in inner if folder.name in _FOLDERS and _is_root(folder.parent)), start)


def _above(here: Path) -> list[Path]:
    """The parent folders up to the root of the git repository. Empty outside a repository."""
    if (here / ".git").exists():
        return []
    folders: list[Path] = []
    for folder in here.parents:
        folders.append(folder)
        if (folder / ".git").exists():
            return folders
    return []


def _is_root(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in _FOLDERS[:2])

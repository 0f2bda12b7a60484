"""Chooses one of the found folders with migrations, or explains to the user how to choose. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .search import FoundCode, FoundLayout

_INNER = {
    "db",
    "database",
    "databases",
    "migrations",
    "migration",
    "sql",
    "prisma",
    "supabase",
    "drizzle",
    "src",
    "schema",
}
"""Names of folders that are parts of a project, not projects."""


def chosen_layout(found: tuple[FoundLayout, ...], folder: str | None) -> FoundLayout | None:
    """The folder that the user names, or the only folder whose layout is sure. Otherwise None."""
    if folder is not None:
        return next((each for each in found if each.folder == folder.strip("/")), None)
    sure = [each for each in found if each.sure]
    return sure[0] if len(sure) == 1 else None


def refusal(found: tuple[FoundLayout, ...], code: tuple[FoundCode, ...], folder: str | None) -> str:
    """Why `init` writes nothing, and the commands for each choice. Empty if `init` can continue."""
    if chosen_layout(found, folder) or (not found and not code and folder is None):
        return ""
    lines = []
    if folder is not None and found:
        lines.append(f"there are no migrations in {folder}")
    if found:
        lines.append("found migrations in several places:" if len(found) > 1 else "found files that may be migrations:")
        for each in found:
            lines += [f"  {each}", f"    ctgitops init --migrations {quote(each.folder)}"]
        if len(found) > 1:
            lines += [
                "Choose one. For several databases, run init once for each, in the folder of its project:",
                *(f"    ctgitops init --root {root} --migrations {inside}" for root, inside in _projects(found)),
            ]
    for each_code in code:
        files = f"{each_code.files} file{'' if each_code.files == 1 else 's'}, such as {each_code.example}"
        lines.append(f"migrations of {each_code.tool} are code, which ctgitops does not run: {files}; {each_code.hint}")
    if not found and folder is not None:
        lines.append(f"there are no SQL migrations in {folder}")
    return "\n".join([*lines, "nothing was written"])


def _projects(found: tuple[FoundLayout, ...]) -> Iterator[tuple[str, str]]:
    """Pairs of a project's folder and its folder of migrations, as a path below the first. Quoted for a shell."""
    for each in found:
        parts = each.folder.split("/")
        own = [index for index, part in enumerate(parts) if part.lower() in _INNER]
        cut = own[0] if own else len(parts) - 1
        if cut > 0:
            yield quote("/".join(parts[:cut])), quote("/".join(parts[cut:]))

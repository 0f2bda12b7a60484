"""Renders the result of `ctgitops new --renumber` for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import phrases
from .terminal_text import on_one_line

if TYPE_CHECKING:
    from ..core.workspace.numbering import Move


def renumbering_text(
    files: tuple[tuple[str, str], ...], moves: tuple[Move, ...], base: str, unseen: tuple[str, ...]
) -> str:
    """The old and the new name of each file, and the environments that could not be read."""
    lines = [f"renamed {a} to {b}" if a != b else f"changed {a}" for a, b in files]
    lines += [f"{move.name} has version {move.version}" for move in moves if move.version]
    if not moves:
        lines.append("nothing to do: the migration already has the next free number and version")
    if not base:
        lines.append("git has no base branch, so only the files in this checkout were checked")
    if unseen:
        lines.append(f"not checked, because the database cannot be read: {phrases.joined(unseen)}")
    return "\n".join(on_one_line(line) for line in lines)

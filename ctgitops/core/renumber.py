"""Chooses new numbers and versions for a branch's migrations when theirs are already used. Pure."""

from __future__ import annotations

from ..errors import UsageError
from . import numbering
from .migration import Migration
from .numbering import BaseBranch as BaseBranch  # noqa: PLC0414 - known by this name to who renumbers
from .numbering import Move as Move  # noqa: PLC0414
from .workspace import Workspace


def find(workspace: Workspace, wanted: str, base: BaseBranch) -> Migration:
    """The migration that a number, a name or a path means. Raises UsageError."""
    name = wanted.rsplit("/", 1)[-1].removesuffix(".sql")
    found = [m for m in workspace.migrations if m.name == name]
    if not found and name.isdecimal():
        found = [m for m in workspace.migrations if m.number == int(name)]
        found = [m for m in found if m.name not in base.names] or found
    if len(found) > 1:
        names = " or ".join(f"`{m.name}`" for m in found)
        raise UsageError(f"number {name} is that of several", hint=f"name one: {names}")
    if not found:
        raise UsageError(f"there is no migration `{wanted}`", hint="give its file, its name or its number")
    if found[0].name in base.names:
        what = f"{found[0].name} is on {base.name}, where others have it under that number"
        raise UsageError(what, hint="renumber the one that this branch adds")
    return found[0]


def moves(workspace: Workspace, first: Migration, base: BaseBranch) -> tuple[Move, ...]:
    """The next free number of its band for `first`, and for what this branch adds after it in that band."""
    return numbering.moves(workspace.migrations, workspace.policy, first, base)

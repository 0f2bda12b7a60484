"""Chooses new numbers and versions for a branch's migrations when theirs are already used. Pure."""

from __future__ import annotations

from ...errors import UsageError
from ..migration.migration import Migration
from ..migration.selector import Candidate, selector_from
from . import numbering
from .candidates import of_files
from .numbering import BaseBranch as BaseBranch  # noqa: PLC0414 - known by this name to who renumbers
from .numbering import Move as Move  # noqa: PLC0414
from .workspace import Workspace


def find(workspace: Workspace, wanted: str, base: BaseBranch, applied: frozenset[str] = frozenset()) -> Migration:
    """The migration that a selector selects; of several, the one that is neither on the base branch nor applied.

    Raises UsageError.
    """
    selector = selector_from(wanted, "--renumber")
    found = [m for m in workspace.migrations if selector.matches(Candidate(m.number, m.name, m.version))]
    if selector.latest:
        found = found[-1:]
    if len(found) > 1:
        found = [m for m in found if m.name not in base.names | applied] or found
    if len(found) > 1:
        names = " or ".join(f"`{m.name}`" for m in found)
        raise UsageError(f"`{wanted}` matches several migrations", hint=f"name one: {names}")
    if not found:
        selector.choose(of_files(workspace.migrations), "in migrations/")
    if found[0].name in base.names:
        what = f"{found[0].name} is already on {base.name} under that number"
        raise UsageError(what, hint="renumber the migration that this branch adds")
    return found[0]


def moves(workspace: Workspace, first: Migration, base: BaseBranch) -> tuple[Move, ...]:
    """The next free number of its band for `first`, and for the files that this branch adds after it in that band."""
    return numbering.moves(workspace.migrations, workspace.policy, first, base)

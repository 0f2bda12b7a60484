"""Selects the files for `check --changed`. Applies the fixes of `check --fix`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..commands.check import check, lint
from ..core.fix import Rename
from ..files.fixing import fix_after, fix_lines
from ..files.git import changed_since
from ..files.scaffold import Order
from ..wiring.wiring import Wiring

if TYPE_CHECKING:
    from ..core.workspace.numbering import BaseBranch


def apply_fixes(root: Path, base: BaseBranch) -> Iterator[str]:
    """Applies fixes to migrations that the base branch lacks. The other migrations may already be applied."""
    wiring = Wiring(root)
    workspace = wiring.workspace
    mine = {m.path for m in workspace.migrations if m.name not in base.names}
    files = mine | {m.down.path for m in workspace.migrations if m.down and m.path in mine}
    said = (*(f.problem for f in lint(workspace, wiring.today, mine)), *check(workspace))
    fixes = [each.fix for each in said if each.fix]
    # A file with an invalid name is not loaded as a migration, so git decides whether this branch added it
    new = changed_since(root, base) if any(isinstance(fix, Rename) for fix in fixes) else frozenset()
    fixes = [fix for fix in fixes if fix.path in files or (isinstance(fix, Rename) and fix.path in new)]
    done, begun = fix_lines(root, workspace, fixes)
    yield from done
    for fix in begun:
        order = Order("", wiring.origin.actor, datetime.now(UTC))
        yield from fix_after(root, Wiring(root).workspace, fix, order)

"""The target of a plan: a schema version or a migration up to which an environment gets the files. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..migration.schema_version import highest
from ..problem import Concern, Problem

if TYPE_CHECKING:
    from ..ledger.ledger import Ledger
    from ..migration.selector import Selector
    from ..workspace.workspace import Workspace


def target_problems(workspace: Workspace, ledger: Ledger, target: Selector) -> Iterator[Problem]:
    """Problems with a target that no file has, and a warning about applied migrations beyond the target."""
    known = {m.version for m in workspace.migrations}
    numbers = {m.number for m in workspace.migrations}
    if target.version and target.version not in known:
        hint = f"the highest version of the files is {highest([v for v in known if v]) or 'none'}"
        yield Problem("target", f"no migration has version {target}", hint=hint)
    if target.number is not None and target.number not in numbers:
        hint = "use the number or name of a file, or `latest`"
        yield Problem("target", f"migration {target} does not exist", hint=hint)
    elif target.name and target.name not in {m.name for m in workspace.migrations}:
        other = next(m.name for m in workspace.migrations if m.number == target.number)
        yield Problem("target", f"migration {target} does not exist", hint=f"did you mean `{other}`?")
    beyond = [m for m in workspace.migrations if m.number in ledger.applied and not target.reaches(m)]
    if beyond:
        names = ", ".join(f"{m.number:03}" for m in beyond)
        what = f"the database already has {names}, beyond the target {target}"
        hint = "apply never reverts a migration; `ctgitops rollback` does"
        yield Problem("beyond-target", what, hint=hint, blocks=False, concern=Concern.LEDGER)

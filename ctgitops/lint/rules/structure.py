"""Reports a migration that lacks one of the nine parts, from pre-checks to recording, or has them in another order."""

from __future__ import annotations

from ...core.migration.structure import PARTS, structure_faults
from ..rule import Case, Group, Hit, Hits, Rule, Severity

_SKELETON = "\n".join(f"-- {part.number}. {part.title}" for part in PARTS)
_WORK = "alter table orders add column region text;"


def check(case: Case) -> Hits:
    """Reports all faults of a file in one finding, at the file's first statement."""
    if faults := "; ".join(structure_faults(case.node["sql"], case.node["first"])):
        yield Hit(f"the file does not have the nine parts in their order: {faults}")


RULE = Rule(
    id="structure",
    group=Group.STYLE,
    severity=Severity.OFF,
    kinds=("File",),
    why="Every migration has the same nine parts in the same order, so that a reviewer finds each kind of change in "
    f"the same part: {', '.join(part.title for part in PARTS)}. A part without statements has only its heading.",
    instead="add the headings, such as `-- 4. Indexes`, and move the statements below them",
    check=check,
    bad=f"-- 1. Pre-checks\n-- 4. Indexes\n-- 2. Tables, types and columns (DDL)\n{_WORK}",
    good=_SKELETON.replace("\n-- 3.", f"\n{_WORK}\n-- 3."),
)

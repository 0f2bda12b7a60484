"""Suggests `baseline` for a database without a ledger that has the schema of pending migrations."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.plan.existing_schema import DUPLICATE, Nearest, likely_steps, tables_there, with_baseline_hint
from ...core.plan.plan import worst_first
from ...core.plan.replay import like, steps_of_files, with_versions_of
from ...core.run.baseline import baseline_blocker
from ...core.schema.compare import compare
from ...errors import CtgitopsError
from ..replaying.replay import may_be_print

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...core.ledger.ledger import Ledger
    from ...core.schema.snapshot import Snapshot
    from ...core.view.preview import Preview
    from ...ports.shadow import Shadows


def with_baseline_suggestion(
    preview: Preview, request: Request, known: tuple[Ledger, Snapshot | None], shadows: Shadows | None
) -> Preview:
    """Adds a problem if objects of pending migrations already exist. The problem suggests `baseline`. Read-only."""
    ledger, live = known
    if live is None or not preview.plan.steps or baseline_blocker(ledger):
        return preview
    there = tables_there(preview.plan.steps, live)
    failed = preview.proof.failed if preview.proof else None
    if not there and not (failed and failed.sqlstate in DUPLICATE):
        return preview
    nearest = _nearest(request, ledger, live, shadows) if shadows and preview.environment.shadow.wanted else None
    if nearest is None and there:
        nearest = Nearest(there[-1].number, there[-1].name)
    if nearest is None:
        return preview
    plan = with_baseline_hint(preview.plan, preview.environment.name, nearest)
    return replace(preview, plan=replace(plan, problems=worst_first(plan.problems)))


def _nearest(request: Request, ledger: Ledger, live: Snapshot, shadows: Shadows) -> Nearest | None:
    """Runs the files in an empty database. Returns the migration after which the schema is most like the live one."""
    nearest: Nearest | None = None
    with suppress(CtgitopsError):  # the search ends at the first file that fails
        steps = steps_of_files(request.workspace)
        if not (likely := likely_steps(steps, live)):
            return None
        with shadows.like(like(live), request.environment) as shadow:
            least, before = len(_differences(shadow.snapshot(), live)), -1
            shadow.apply(steps[: likely.start])
            for step in steps[likely.start : likely.stop]:
                shadow.apply((step,))
                count = len(_differences(shadow.snapshot(), live))
                if step.number in ledger.applied:
                    least = count
                elif count < least:
                    least, nearest = count, Nearest(step.number, step.name, count)
                elif nearest and count == before == least:
                    nearest = replace(nearest, silent=(*nearest.silent, step.name))
                before = count
    return nearest


def _differences(given: Snapshot, live: Snapshot) -> tuple[object, ...]:
    """Returns the differences between two schemas. Leaves out differences in formatting."""
    expected, _ = with_versions_of(given, live)
    return tuple(change for change in compare(expected, live) if not may_be_print(change))

"""Repairs the state of one statement of an unfinished migration: marks it as done or not done. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UsageError
from ..ledger.resumption import Resumption
from ..plan.plan import Step, make_plan
from ..plan.rollback import make_rollback

if TYPE_CHECKING:
    from ..environment.environment import Environment
    from ..ledger.ledger import Ledger
    from ..workspace.workspace import Workspace


def unfinished_step(workspace: Workspace, environment: Environment, ledger: Ledger, number: int) -> Step:
    """The step that the next run would resume. Raises UsageError if there is no such step."""
    if number not in ledger.unfinished:
        has = ", ".join(f"{n:03}" for n in ledger.unfinished) or "none"
        what = f"migration {number:03} is complete or not started in {environment.name}: no statement needs a repair"
        raise UsageError(what, hint=f"unfinished: {has}; to repair a whole migration, omit `--statement`")
    if number in ledger.applied:
        plan = make_rollback(environment, ledger, (ledger.applied[number],))
    else:
        plan = make_plan(workspace, environment, ledger)
    step = next((step for step in plan.steps if step.number == number), None)
    if step is None:
        what = f"migration {number:03} has no file, so its statements are unknown"
        raise UsageError(what, hint=f"restore the file of {ledger.unfinished[number].name}")
    return step


def refuse_statement(step: Step, position: int, *, done: bool) -> None:
    """Raises UsageError if the mark would leave a gap. All done statements must precede all other statements.

    Only index builds that ran at the same time may be done after a statement that is not.
    """
    at, count = step.resumption or Resumption(), len(step.script.statements)
    if step.batched or step.transactional:
        kind = "in batches that run once each" if step.batched else "in a transaction"
        what = f"{step.name} runs {kind}, so none of its statements can be half done"
        raise UsageError(
            what, hint=f"`ctgitops repair {step.number:03}` without `--statement` repairs the whole migration"
        )
    if position > count:
        raise UsageError(
            f"{step.name} has {count} statements", hint="statements are numbered from 1, as in error messages"
        )
    if done and position not in {at.position, *(row.position for row in at.begun_ahead)}:
        raise UsageError(
            f"statement {position} of {step.name} is not the next one: {at.done} are done",
            hint=f"`--statement {at.position}`" if at.position <= count else "all statements are done",
        )
    if not done and position not in _may_be_undone(at):
        raise UsageError(
            f"statement {position} of {step.name} is not the last completed statement: {at.done} are done",
            hint=" or ".join(f"`--statement {n}`" for n in _may_be_undone(at)) or "no statement was started",
        )


def _may_be_undone(at: Resumption) -> tuple[int, ...]:
    last = (at.done,) if at.done else ()
    return (*last, *sorted({*at.ahead, *(row.position for row in at.all_begun)}))

"""Automatic rollback after a failed run: the migrations of the run, and whether a rollback is safe. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...lazy import dataclass
from ..ledger.ledger import Entry, Ledger, Mark
from ..ledger.resumption import resumption_of
from ..ledger.reversal import changes_in
from ..plan.rollback import make_rollback
from ..plan.step import entry_of_step

if TYPE_CHECKING:
    from ..environment.environment import Environment
    from ..gate.data_loss import CountedLoss
    from ..plan.plan import Plan, Step


@dataclass(frozen=True)
class Checkpoint:
    """The state of a database just before the first step of a run."""

    entry: int
    """The ID of the ledger's newest entry. 0 if the ledger was empty."""
    oldest: int
    """The oldest transaction ID that was still active. All transactions with a lower ID had ended."""


def applied_since(checkpoint: Checkpoint, ledger: Ledger) -> tuple[Entry, ...]:
    """The entries of migrations that were applied after `checkpoint` and are still applied, newest first."""
    new = (e for e in reversed(ledger.entries) if e.id > checkpoint.entry and e.number is not None and e.marks_applied)
    return tuple(entry for entry in new if ledger.applied.get(entry.number or 0) is entry)


def seeded_since(checkpoint: Checkpoint, ledger: Ledger) -> tuple[str, ...]:
    """The seed files that ran after `checkpoint`."""
    seeds = (e for e in ledger.entries if e.number is None and e.mark is Mark.APPLIED)
    return tuple(entry.name for entry in seeds if entry.id > checkpoint.entry)


def unverified(plan: Plan, ledger: Ledger) -> Step | None:
    """An unfinished step outside a transaction whose statements are all done. Only one of its verify queries failed."""
    for step in plan.steps:
        if step.number not in ledger.unfinished or step.batched or step.verify is None:
            continue
        at = resumption_of(step.script, ledger.traces_of(step.number))
        if at and at.done == len(step.script.statements) and not at.changed:
            return step
    return None


def as_applied(step: Step, why: str) -> Entry:
    """The entry that records an unverified migration as applied. A rollback can then undo the migration."""
    return entry_of_step(
        Mark.REPAIRED, step, f"all statements of the migration are done; it is rolled back, because {why}"
    )


def make_auto_rollback(environment: Environment, ledger: Ledger, checkpoint: Checkpoint, why: str) -> Plan:
    """The plan that rolls back exactly the migrations applied after `checkpoint`, newest first."""
    plan = make_rollback(environment, ledger, applied_since(checkpoint, ledger))
    return replace(plan, why=f"rolled back automatically: {why}")


def why_not(plan: Plan, weighed: tuple[CountedLoss, ...], seeds: tuple[str, ...]) -> Iterator[str]:
    """Reasons why an automatic rollback is not safe. Empty if the rollback is safe."""
    yield from (problem.what for problem in plan.problems if problem.blocks)
    if seeds:
        more = " and others" if seeds[3:] else ""
        yield f"the run executed {', '.join(seeds[:3])}{more}, and seed files have no rollback"
    yield from (f"the rollback of {each.loss.migration} {each.text}" for each in weighed if each.matters)


def rollback_command(plan: Plan, *, dry: bool = False) -> str:
    """The command with which a user runs this rollback plan."""
    return f"`ctgitops rollback --env {plan.environment} --steps {len(plan.steps)}{' --dry-run' if dry else ''}`"


def rollback_to_start_command(environment: str, ledger: Ledger, checkpoint: Checkpoint) -> str:
    """The command that returns to the state at `checkpoint`. Some migrations may already be rolled back."""
    before = [entry.number or 0 for entry in ledger.in_order if entry.id <= checkpoint.entry]
    return f"`ctgitops rollback --env {environment} --to {before[-1] if before else 0}`"


def reapply_advice(plan: Plan, ledger: Ledger) -> str:
    """The advice that tells how to apply the rolled-back migrations again. Empty if none became a reversal."""
    reversals = changes_in(ledger).reversals
    held = " ".join(f"{step.number:03}" for step in reversed(plan.steps) if step.number in reversals)
    if not held:
        return ""
    again = f'`ctgitops repair --again {held} --env {plan.environment} --reason "…"`'
    return f"the next run applies {held} again only after {again}, or once its file has changed"


def rolled_back_text(names: tuple[str, ...]) -> str:
    """Text such as `003_three and 002_two were rolled back`."""
    if not names:
        return "nothing was rolled back"
    several = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
    return f"{several} {'were' if names[1:] else 'was'} rolled back"

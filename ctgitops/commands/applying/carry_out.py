"""The parts of a run: backup, steps and health watch. `apply.py` and `rollback.py` decide their order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.gate.health import stopped_watching, unhealthy_error
from ...core.ledger.safeguards import Safeguards
from ...core.run.activity_text import activity_text
from ...core.run.backup_progress import BackupTaken, RecoveryPointTaken
from ...core.run.outcome import Done
from ...core.run.progress import Listener, Progress, SeedFinished, StepFinished, StepStarted
from ...errors import BackupError
from ...lazy import dataclass
from ..planning.backup_extent import backup_extent

if TYPE_CHECKING:
    from ...core.gate.request import Request
    from ...core.plan.plan import Plan
    from ...core.receipt import Receipt
    from ...ports.backups import Backups
    from ...ports.database import Database, Session


@dataclass(frozen=True)
class BackUpBy:
    """The ports that are used for a backup."""

    backups: Backups
    database: Database


def back_up(request: Request, safety: BackUpBy, tell: Listener, plan: Plan, session: Session) -> Receipt | None:
    """Takes and verifies the backup that the manifest requires. None if the manifest has no `backup`.

    Before the backup, drops the INVALID indexes that interrupted builds of this plan left behind. During the backup, no
    session of the run is active. So the run reports, to sessions that ask for the lock's holder, that it takes a
    backup. Raises BackupError or ApplyError. Writes to the store.
    """
    policy = request.environment.backup
    if policy is None:
        return None

    def hear(progress: Progress) -> None:
        if text := activity_text(progress):
            session.set_activity(text)
        tell(progress)

    healed = session.drop_invalid_indexes(plan)
    session.set_activity("its backup")
    try:
        extent = backup_extent(plan, request.environment, safety.database, safety.backups.shadows)
        receipt = safety.backups.take(request.environment, hear, extent)
        if policy.in_folder and request.origin.disk_is_deleted:
            receipt = replace(receipt, vanishes=True)
    except BackupError as error:
        if healed:
            error.state = f"no migration was applied; {'; '.join(healed)}"
        raise
    tell(BackupTaken(receipt))
    return receipt


def safeguarded(receipt: Receipt | None, plan: Plan, session: Session, tell: Listener) -> Safeguards:
    """Takes the recovery point after the backup and just before the first step. Returns it with the receipt."""
    point = session.recovery_point(plan)
    tell(RecoveryPointTaken(point))
    return Safeguards(receipt, point)


def carry_out(plan: Plan, session: Session, safeguards: Safeguards, tell: Listener) -> tuple[Done, ...]:
    """Runs every step of the plan in order, then every seed file. Stops at the first failure."""
    if plan.apply_policy.single_transaction and len(plan.steps) + len(plan.seeds) > 1:
        return _all_at_once(plan, session, safeguards, tell)
    done = []
    for position, step in enumerate(plan.steps, start=1):
        tell(StepStarted(step, position, len(plan.steps)))
        millis = session.run(step, plan, safeguards)
        tell(StepFinished(step, millis, position, len(plan.steps)))
        done.append(Done(step.name, millis))
    for seed in plan.seeds:
        millis = session.seed(seed, plan, safeguards)
        tell(SeedFinished(seed.name, millis))
        done.append(Done(seed.name, millis))
    return tuple(done)


def _all_at_once(plan: Plan, session: Session, safeguards: Safeguards, tell: Listener) -> tuple[Done, ...]:
    """Runs all steps in one transaction. Reports them as applied only after the COMMIT. Writes to the database."""
    took = session.single_transaction(plan, safeguards)
    steps, seeds = len(plan.steps), plan.seeds
    for position, (step, millis) in enumerate(zip(plan.steps, took[:steps], strict=True), start=1):
        tell(StepFinished(step, millis, position, steps))
    for seed, millis in zip(seeds, took[steps:], strict=True):
        tell(SeedFinished(seed.name, millis))
    names = (*(step.name for step in plan.steps), *(seed.name for seed in seeds))
    return tuple(Done(name, millis) for name, millis in zip(names, took, strict=True))


def watch_health(plan: Plan, session: Session) -> None:
    """Repeats the health query. Raises ApplyError if a result is false, or if the last attempt fails. Read-only."""
    health = plan.apply_policy.health
    if health is None:
        return
    try:
        result = session.watch(health)
    except KeyboardInterrupt:
        raise stopped_watching(plan) from None
    if error := unhealthy_error(result, health, plan):
        raise error

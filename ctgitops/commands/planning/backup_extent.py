"""Finds what a plan's backup saves. With the scope `affected`, a trial shows the tables to save."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.environment.backup_extent import BackupExtent
from ...core.environment.environment import BackupScope, Environment
from ...core.plan.replay import seed_step
from ...core.trial.trial import NOT_WANTED, Trial
from ...errors import CtgitopsError
from ...lint.affected_tables import affected_tables

if TYPE_CHECKING:
    from ...core.plan.plan import Plan
    from ...core.schema.snapshot import Snapshot
    from ...ports.database import Database
    from ...ports.shadow import Sandbox, Shadows


def planned_extent(
    environment: Environment, plan: Plan, proof: Trial, sandbox: Sandbox | None, live: Snapshot
) -> BackupExtent | None:
    """What `apply` will save before the plan. None without a backup. Uses only what the plan's trial has shown."""
    policy = environment.backup
    if policy is None:
        return None
    if policy.scope is not BackupScope.AFFECTED:
        return BackupExtent(policy.scope)
    if sandbox is None or proof.complete_changes is None:
        return BackupExtent(why_all=f"the plan was not tried{f': {proof.untried}' if proof.untried else ''}")
    if unfinished := next((each.seed.name for each in proof.seeds if each.failed or each.stop), ""):
        return BackupExtent(why_all=f"{unfinished} was not tried")
    return extent_of_trial(plan, sandbox, live)


def backup_extent(
    plan: Plan, environment: Environment, database: Database, shadows: Shadows | None
) -> BackupExtent | None:
    """What the backup before the plan saves. None without a backup. The whole database if the trial has gaps.

    Read-only. If the manifest's scope is `affected`, runs the plan on a copy.
    """
    policy = environment.backup
    if policy is None:
        return None
    extent = _extent(plan, environment, database, shadows)
    return replace(extent, plan=plan.fingerprint, migrations=tuple(step.name for step in plan.steps))


def _extent(plan: Plan, environment: Environment, database: Database, shadows: Shadows | None) -> BackupExtent:
    if environment.backup and environment.backup.scope is not BackupScope.AFFECTED:
        return BackupExtent(environment.backup.scope)
    if shadows is None or not environment.shadow.wanted:
        return BackupExtent(why_all=f"the plan was not tried: {NOT_WANTED.untried}")
    try:
        return _tried(plan, environment, database, shadows)
    except CtgitopsError as error:
        return BackupExtent(why_all=f"the plan was not tried: {error.what}")


def _tried(plan: Plan, environment: Environment, database: Database, shadows: Shadows) -> BackupExtent:
    live = database.snapshot()
    steps = (*plan.steps, *map(seed_step, plan.seeds))
    with shadows.sandbox(database.original(), environment.shadow) as sandbox:
        sandbox.apply(steps, watched=True)
        return extent_of_trial(plan, sandbox, live)


def extent_of_trial(plan: Plan, sandbox: Sandbox, live: Snapshot) -> BackupExtent:
    """What the scope `affected` saves. The sandbox must have applied the steps and seeds with `watched=True`."""
    if sandbox.skipped:
        return BackupExtent(
            why_all=f"a statement of {next(iter(sandbox.skipped)).step} was not tried: it names a database"
        )
    found = affected_tables((*plan.steps, *map(seed_step, plan.seeds)), sandbox.impacts, live)
    if found.unknown:
        return BackupExtent(why_all=found.unknown)
    return BackupExtent(BackupScope.AFFECTED, found.tables)

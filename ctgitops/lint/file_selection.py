"""Selects the files to lint, and the schema before each file. Used by `check` and by a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from ..core.environment.given import Platform
from ..core.migration.deprecation import deprecations_in
from ..core.plan.plan import Direction, Plan, Step
from ..core.view.preview import PlanResult, Preview
from ..core.workspace.finding import Severity
from ..sql.parse import SqlSyntaxError
from .allowance import UNUSED
from .catalog import Catalog
from .fold.access import API_ROLES
from .run import Linter
from .snapshot_catalog import catalog_of

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.environment.policy import Policy
    from ..core.migration.migration import Migration
    from ..core.schema.snapshot import Snapshot
    from ..core.workspace.finding import Finding
    from ..core.workspace.workspace import Workspace
    from ..sql.script import Script


def lint_files(workspace: Workspace, today: date, only: Collection[str] | None = None) -> tuple[Finding, ...]:
    """Lints each migration as if all earlier migrations were in use. With `only`, reports only on these files."""
    linter = Linter(_empty(workspace.policy), workspace.policy.exposed_schemas, workspace.policy.lint, today)
    found: list[Finding] = []
    for migration in sorted(workspace.migrations, key=lambda m: m.number):
        if migration.number <= workspace.policy.lint_after or not (only is None or migration.path in only):
            linter.fold(migration.up)
        else:
            found += linter.file(migration.up, transactional=_transactional(migration))
        linter.catalog.settle()
    return tuple(found)


def lint_result(result: PlanResult, workspace: Workspace, today: date, live: Snapshot | None = None) -> PlanResult:
    """Adds findings to the plan in `preview`. `live` is the schema of the database, if it was read."""
    if not isinstance(result, Preview) or result.plan.direction is not Direction.APPLY:
        return result
    return replace(result, plan=lint_plan(result.plan, workspace, result.environment, today, live))


def lint_plan(
    plan: Plan, workspace: Workspace, environment: Environment, today: date, live: Snapshot | None = None
) -> Plan:
    """Adds findings to the steps of a plan. Tables that the plan's steps create are not in use yet."""
    linter = Linter(
        catalog_of(live) if live else _empty(workspace.policy),
        workspace.policy.exposed_schemas,
        severities(workspace.policy, environment),
        today,
    )
    numbers = {number for number, _ in plan.applied}
    applied = sorted((m for m in workspace.migrations if m.number in numbers), key=lambda m: m.number)
    if live is None:
        for migration in applied:
            linter.fold(migration.up)
        linter.catalog.settle()
    else:
        linter.deprecations = tuple(each for migration in applied for each in deprecations_in(migration.up))
    findings = _without_used_elsewhere([_of_step(linter, step, plan) for step in plan.steps], workspace, today)
    steps = (
        replace(step, findings=tuple(map(_as_warning, found)) if step.script.path in workspace.history else found)
        for step, found in zip(plan.steps, findings, strict=True)
    )
    return replace(plan, steps=tuple(steps))


def _as_warning(finding: Finding) -> Finding:
    """The finding in a file up to `lint_after`. It cannot be an error, because `check` has never shown it."""
    return replace(finding, severity=Severity.WARNING) if finding.severity is Severity.ERROR else finding


def _of_step(linter: Linter, step: Step, plan: Plan) -> tuple[Finding, ...]:
    """The findings in what a step runs. None in the history of an environment that has no migration yet.

    None in a squashed file either: lint has checked the files that it replaces.
    """
    if step.name in plan.history or step.replaces:
        linter.fold(step.script)
        return ()
    done = min(step.resumption.done, len(step.script.statements)) if step.resumption else 0
    if done:
        _take_as_new(linter.catalog, step.script, done)
    found = linter.file(step.script, transactional=step.transactional)
    return _of_the_rest(found, step.script, done) if done else found


def _take_as_new(catalog: Catalog, script: Script, done: int) -> None:
    """Marks the tables that the first `done` statements created as new, as they were when the first run began."""
    before = Linter(Catalog(path=catalog.path))
    before.fold(replace(script, sql=script.sql[: script.statements[done - 1].end]))
    for name, table in before.catalog.tables.items():
        if table.new and name in catalog.tables:
            catalog.tables[name].new = True


def _of_the_rest(found: tuple[Finding, ...], script: Script, done: int) -> tuple[Finding, ...]:
    """The findings after the first `done` statements, which do not run again."""
    if done >= len(script.statements):
        return ()
    first = script.place(script.start_of(script.statements[done])).line or 0
    return tuple(each for each in found if (each.place.line or 0) >= first)


def _without_used_elsewhere(
    found: list[tuple[Finding, ...]], workspace: Workspace, today: date
) -> list[tuple[Finding, ...]]:
    """The findings without allowances that are used if the tables of earlier files are in use.

    A plan that creates the table needs no allowance. The environments that have the table need the allowance.
    """
    paths = {each.place.path for step in found for each in step if each.rule == UNUSED}
    if not paths:
        return found
    unused = {each.place for each in lint_files(workspace, today, paths) if each.rule == UNUSED}
    return [tuple(each for each in step if each.rule != UNUSED or each.place in unused) for step in found]


def _empty(policy: Policy) -> Catalog:
    """The schema before the first migration."""
    api_roles = API_ROLES if policy.given.platform is Platform.SUPABASE else frozenset[str]()
    return Catalog(complete=True, api_roles=set(api_roles), executors=set(api_roles))


def severities(policy: Policy, environment: Environment) -> Mapping[str, str]:
    """The severities of the policy, overridden by those of the environment."""
    return {**policy.lint, **environment.lint}


def _transactional(migration: Migration) -> bool:
    try:
        return migration.up.transactional
    except SqlSyntaxError:
        return True

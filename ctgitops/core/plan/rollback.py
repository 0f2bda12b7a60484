"""Makes a rollback plan from the SQL in the ledger. The migration files are not read and may be missing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...sql.redact import is_redacted
from ...sql.script import Script
from ..environment.apply_policy import ApplyPolicy, TransactionScope
from ..ledger.identity import identity_problems
from ..ledger.resumption import resumption_of
from ..ledger.reversal import since
from ..migration.header import Header, Rollback, parse_header
from ..migration.schema_version import highest
from ..migration.selector import Selector
from ..problem import Concern, Problem
from ..workspace.candidates import of_ledger
from ..workspace.workspace import script_problems
from .history import tampered
from .plan import Direction, Plan, Step, worst_first

if TYPE_CHECKING:
    from ..environment.environment import Environment
    from ..ledger.ledger import Entry, Ledger
    from ..migration.migration import Migration


def number_in(ledger: Ledger, selector: Selector, migrations: tuple[Migration, ...] = ()) -> int:
    """The number of the applied migration that a selector names. 0 means all migrations. Raises UsageError."""
    if selector.number == 0 and not selector.name:
        return 0
    if selector.latest:
        raise UsageError(
            "a rollback to the latest migration undoes nothing",
            hint="name the last migration to keep, or `--steps 1`",
        )
    return selector.choose(of_ledger(ledger.in_order, migrations), "among the applied migrations").number


def entries_after(ledger: Ledger, number: int) -> tuple[Entry, ...]:
    """The entries of the migrations applied after `number`, newest first.

    0 returns all entries, unless a migration 000 exists. Raises UsageError.
    """
    order = ledger.in_order
    if number == 0 and number not in ledger.applied:
        return order[::-1]
    if number not in ledger.applied:
        has = ", ".join(f"{entry.number:03}" for entry in order) or "nothing"
        raise UsageError(f"migration {number:03} is not applied here", hint=f"applied, in this order: {has}")
    position = order.index(ledger.applied[number])
    return order[position + 1 :][::-1]


def last_entries(ledger: Ledger, count: int) -> tuple[Entry, ...]:
    """The `count` newest applied migrations, newest first. Raises UsageError if `count` is less than 1."""
    if count < 1:
        raise UsageError(
            f"{count} is not a number of migrations to roll back", hint="`--steps 1` undoes the newest migration"
        )
    return ledger.in_order[::-1][:count]


def make_rollback(
    environment: Environment, ledger: Ledger, entries: tuple[Entry, ...], found: tuple[Problem, ...] = ()
) -> Plan:
    """The plan that rolls back `entries` in the given order. `found` are the problems of the environment's manifest."""
    steps = tuple(_step(entry, ledger) for entry in entries)
    removed = {entry.number for entry in entries}
    left = [e for number, e in ledger.applied.items() if number not in removed]
    problems = [*found, *identity_problems(environment, ledger.identity), *tampered(ledger)]
    problems += [*_unfinished(environment, ledger, entries)]
    problems += [p for e in entries for p in _cannot(environment, e)]
    problems += [p for step in steps for p in _script_problems(step)]
    return Plan(
        environment=environment.name,
        direction=Direction.ROLLBACK,
        current_version=ledger.version,
        target_version=highest([v for e in left if (v := e.schema_version)]),
        target=Selector(number=max((e.number or 0 for e in left), default=0)),
        steps=steps,
        problems=worst_first(problems),
        applied=tuple((number, entry.checksum or "") for number, entry in ledger.applied.items()),
        apply_policy=_apply_policy(environment, steps),
        identity=ledger.identity,
        since=since(ledger),
    )


def _script_problems(step: Step) -> Iterable[Problem]:
    """Problems with the SQL in the ledger. Another tool's marker is only a warning: stored SQL cannot change."""
    for problem in script_problems(step.script) if step.script.sql else ():
        yield replace(problem, blocks=False) if problem.code == "other-tool" else problem


def _apply_policy(environment: Environment, steps: tuple[Step, ...]) -> ApplyPolicy:
    """The apply policy for the rollback. Uses one transaction if the manifest requires it and every step allows it."""
    together = environment.apply_policy.single_transaction and all(step.transactional for step in steps)
    return ApplyPolicy(TransactionScope.ALL) if together else ApplyPolicy()


def _header(entry: Entry) -> Header | None:
    return parse_header(entry.sql or "", entry.name)[0]


def _step(entry: Entry, ledger: Ledger) -> Step:
    header = _header(entry)
    script = Script(entry.rollback_sql or "", f"{entry.name}.down.sql (ledger entry {entry.id})")
    return Step(
        direction=Direction.ROLLBACK,
        number=entry.number or 0,
        name=entry.name,
        version=entry.schema_version,
        checksum=entry.checksum or "",
        script=script,
        rollback=Rollback.AVAILABLE if entry.rollback_sql else Rollback.NOT_AVAILABLE,
        breaking=header.breaking if header else False,
        description=header.description if header else "",
        resumption=resumption_of(script, ledger.traces_of(entry.number or 0)),
    )


def _restore(entry: Entry) -> str:
    """The command that restores the backup from before a migration. Without a receipt, contains a placeholder."""
    try:
        return str(json.loads(entry.receipt or "")["restore_with"])
    except (ValueError, KeyError, TypeError):
        return "ctgitops restore RECEIPT --into URL"


def _unfinished(environment: Environment, ledger: Ledger, entries: tuple[Entry, ...]) -> Iterable[Problem]:
    """Problems with unfinished migrations. Leaves out an unfinished rollback if the first step resumes it."""
    first = entries[0].number if entries else None
    for entry in ledger.unfinished.values():
        if entry.number == first and first in ledger.applied and first not in ledger.unrecorded:
            continue
        what = f"{entry.name} is unfinished, so it is unknown what a rollback would do"
        repair = f"ctgitops repair {entry.number:03} --env {environment.name}"
        hint = f'check the database, then `{repair} --applied --reason "…"`, or `{repair} --not-applied --reason "…"`'
        yield Problem("unfinished", what, hint=hint, concern=Concern.LEDGER)


def _cannot(environment: Environment, entry: Entry) -> Iterable[Problem]:
    if entry.rollback_sql and not is_redacted(entry.rollback_sql):
        return
    header = _header(entry)
    repair = f"ctgitops repair {entry.number:03} --env {environment.name} --not-applied"
    if header and header.rollback is Rollback.MANUAL:
        what = f"{entry.name} must be undone by hand: {header.procedure}"
        hint = f'undo the migration, then `{repair} --reason "…"`'
    elif entry.rollback_sql:
        what = f"the rollback of {entry.name} needs a password, which the ledger does not store"
        hint = f'undo the migration by hand, then `{repair} --reason "…"`'
    else:
        what = f"{entry.name} is IRREVERSIBLE: the ledger has no rollback SQL for it"
        hint = f"restore the backup that was taken before it: `{_restore(entry)}`"
    yield Problem("irreversible", what, hint=hint, concern=Concern.LEDGER)

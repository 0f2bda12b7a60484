"""Mismatches between the migration files and the ledger, such as edited, missing or out-of-order migrations."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import Place
from ...sql.redact import redact
from ..ledger.open_prediction import prediction_problems
from ..ledger.reversal import reversal_problems
from ..migration.sequence import effective_numbers
from ..problem import Concern, Problem
from .flags import may_be_late
from .resumption_problems import unfinished_problems

if TYPE_CHECKING:
    from ..environment.layout import Layout
    from ..ledger.ledger import Entry, Ledger
    from ..migration.migration import Migration
    from ..workspace.workspace import Workspace


def history_problems(
    workspace: Workspace, environment: str, ledger: Ledger, pending: tuple[Migration, ...] | None = None
) -> tuple[Problem, ...]:
    """All mismatches between the files and the ledger, and open predictions.

    With `pending`, adds the problems of a plan. Reports edited, missing, out-of-order, unfinished and rolled-back
    migrations, and unmet dependencies. Also reports a ledger that was changed by hand.
    """
    return (
        *tampered(ledger),
        *unfinished_problems(workspace.migrations, environment, ledger),
        *_edited(workspace, ledger),
        *_missing(workspace, ledger),
        *_out_of_order(workspace, ledger, pending or ()),
        *_unmet(ledger, pending or ()),
        *(() if pending is None else reversal_problems(environment, ledger, pending, workspace.migrations)),
        *prediction_problems(environment, ledger),
    )


def _problem(code: str, what: str, place: Place | None = None, hint: str = "", detail: str = "") -> Problem:
    return Problem(code, what, place, hint, detail, concern=Concern.LEDGER)


def tampered(ledger: Ledger) -> Iterator[Problem]:
    """A problem if a person changed an entry by hand. The SQL and rollback SQL of that entry cannot be trusted."""
    entry = ledger.broken_at()
    if entry:
        what = f"the hash chain of the ledger is broken at entry {entry.id} ({entry.name}, {entry.mark})"
        hint = "the ledger was changed by hand: find out what was changed, and by whom, before you apply anything else"
        yield _problem("ledger-tampered", what, hint=hint)


def _edited(workspace: Workspace, ledger: Ledger) -> Iterator[Problem]:
    for migration in workspace.migrations:
        entry = ledger.applied.get(migration.number)
        if entry is None or entry.checksum in {None, migration.checksum}:
            continue
        if entry.name != migration.name and any(m.name == entry.name for m in workspace.migrations):
            continue  # a duplicate number: another problem reports it
        renamed = f" (as {entry.name})" if entry.name != migration.name else ""
        what = f"{migration.name} was changed after it was applied{renamed}{_when(entry)}"
        place = Place(migration.path, _first_difference(entry, migration))
        hint = "restore the file, and put the change into a new migration"
        yield _problem("edited", what, place, hint, _diff(entry, migration.up.sql, migration.path))


def _missing(workspace: Workspace, ledger: Ledger) -> Iterator[Problem]:
    """A problem for each applied migration without a file. The checkout is too old, or the file was deleted."""
    numbers = {m.number for m in workspace.migrations}
    order = ledger.in_order
    known = max((at for at, entry in enumerate(order) if entry.number in numbers), default=-1)
    for at, entry in enumerate(order):
        if entry.number in numbers:
            continue
        on_github = ""
        if at > known:
            what = f"the database is newer than this checkout: it has {entry.name}, applied{_when(entry)}{_from(entry)}"
            commit = f", or use one that contains commit {entry.commit_sha[:12]}" if entry.commit_sha else ""
            otherwise = f"if no branch has the file, {_restored(entry, workspace.policy.layout)}"
            hint = f"update this checkout, for example with `git pull`{commit}; {otherwise}"
            on_github = f"{_newest_run(order[-1])}; {otherwise}"
        else:
            what = f"{entry.name} was applied{_when(entry)}{_from(entry)}, but its file has been removed"
            hint = _restored(entry, workspace.policy.layout)
        problem = _problem("missing", what, None, hint, _diff(entry, "", "/dev/null"))
        yield replace(problem, on_github=on_github)


def _newest_run(newest: Entry) -> str:
    """What to do about a run on GitHub that has checked out a commit older than the newest entry of the ledger."""
    run = f", `{newest.run_url}` or a later one" if newest.run_url else " of this workflow"
    return f"re-run the newest run{run}, because this run is for an older commit; in a pull request, update its branch"


def _restored(entry: Entry, layout: Layout) -> str:
    if entry.commit_sha:
        command = f"git checkout {entry.commit_sha[:12]} -- '{layout.pathspec(entry.name)}'"
        return f"`{command}` restores the file; the SQL in the ledger is shown below"
    return f"restore {layout.file_of(entry.name)}; the SQL in the ledger is shown below"


def _from(entry: Entry) -> str:
    """The commit and the pull request in an entry, as text."""
    commit = f" from commit {entry.commit_sha[:12]}" if entry.commit_sha else ""
    return f"{commit} (pull request #{entry.pull_request})" if entry.pull_request else commit


def _out_of_order(workspace: Workspace, ledger: Ledger, pending: tuple[Migration, ...]) -> Iterator[Problem]:
    late = may_be_late(workspace.migrations) if pending else frozenset()
    first = effective_numbers(workspace.migrations, (entry.number or 0 for entry in ledger.in_order))
    for migration in pending:
        band = workspace.policy.band(migration.number)
        if band is None:
            continue
        later = [e for number, e in ledger.applied.items() if first[number] > migration.number and number in band]
        if later and migration.number not in late:
            what = f"{migration.name} comes before {later[-1].name}, which this database already has"
            hint = f"`ctgitops new --renumber {migration.name}` gives it the next number of its band"
            yield _problem("out-of-order", what, Place(migration.path), hint)


def _unmet(ledger: Ledger, pending: tuple[Migration, ...]) -> Iterator[Problem]:
    planned = {m.number for m in pending}
    for migration in pending:
        for number in migration.dependencies:
            if number not in ledger.applied and number not in planned:
                what = f"{migration.name} depends on {number:03}, which this plan does not include"
                yield _problem(
                    "dependency", what, Place(migration.path, 1), "choose a target that includes both migrations"
                )


def _when(entry: Entry) -> str:
    at = entry.finished_at or entry.started_at
    who = f" by {entry.actor}" if entry.actor else ""
    return f" on {at:%Y-%m-%d}{who}" if at else who


def _first_difference(entry: Entry, migration: Migration) -> int:
    before = redact(entry.sql or "").split("\n")
    after = migration.up.shown.split("\n")
    for number, (old, new) in enumerate(zip(before, after, strict=False)):
        if old != new:
            return migration.up.first_line + number
    return migration.up.first_line + min(len(before), max(len(after) - 1, 0))


def _diff(entry: Entry, sql: str, path: str) -> str:
    if entry.sql is None:
        return ""
    before, after = redact(entry.sql), redact(sql)
    if before == after:
        return "They differ only in a password, which the ledger does not store."
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"ledger, entry {entry.id}", path, lineterm="", n=2
    )
    return "\n".join(lines)

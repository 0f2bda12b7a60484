"""Problems with an unfinished migration that runs outside a transaction."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...errors import Place
from ...sql.parse import SqlSyntaxError
from ...sql.redact import redact
from ..ledger.resumption import how_far, resumption
from ..problem import Concern, Problem
from ..workspace.candidates import by_number

if TYPE_CHECKING:
    from ..ledger.ledger import Entry, Ledger
    from ..migration.migration import Migration


def unfinished_problems(migrations: tuple[Migration, ...], environment: str, ledger: Ledger) -> Iterator[Problem]:
    """A warning for a migration that apply can resume.

    If a person must find out which statements have completed, the problem blocks the plan.
    """
    files = by_number(migrations, ledger.unfinished.values())
    for number, entry in ledger.unfinished.items():
        repair = f"ctgitops repair {number:03} --env {environment}"
        if number in ledger.applied:
            what = f"the rollback of {entry.name} was started{_when(entry)} and did not finish"
            hint = (
                f"`ctgitops rollback --env {environment} --steps 1` resumes it; or, if the migration is "
                "already undone, "
                f'`{repair} --not-applied --reason "…"`'
            )
            yield Problem("unfinished", what, None, hint, _why(entry, ledger), concern=Concern.LEDGER)
        elif number in ledger.unrecorded:
            yield _unrecorded(entry, repair, ledger)
        elif number not in files:
            what = f"{entry.name} was started{_when(entry)} and did not finish, and its file is missing"
            undone = f'`{repair} --not-applied --reason "…"`'
            hint = f"restore the file of {entry.name}; or undo its changes by hand, then {undone}"
            yield Problem("unfinished", what, None, hint, _why(entry, ledger), concern=Concern.LEDGER)
        else:
            yield from _resumed(files[number], entry, environment, ledger)


def _unrecorded(entry: Entry, repair: str, ledger: Ledger) -> Problem:
    what = f"{entry.name} was started outside a transaction{_when(entry)} and did not finish"
    hint = (
        "an earlier version of ctgitops ran the migration without recording progress: check which of its changes "
        "exist, then "
        f'`{repair} --not-applied --reason "…"` to run the migration again, or `{repair} --applied --reason "…"`'
    )
    return Problem("unfinished", what, None, hint, _why(entry, ledger), concern=Concern.LEDGER)


def _resumed(migration: Migration, entry: Entry, environment: str, ledger: Ledger) -> Iterator[Problem]:
    repair = f"ctgitops repair {migration.number:03} --env {environment}"
    try:
        at = resumption(migration.up, ledger.traces_of(migration.number))
    except SqlSyntaxError:
        return  # another problem reports it
    statements = migration.up.statements
    if at.changed:
        what = f"statement {at.changed} of {migration.name} is done, but the file now has a different statement there"
        hint = (
            f"restore the statement; or, to run the file again from its first statement, `{repair} --not-applied "
            f'--reason "…"`; or, if the whole file is done, `{repair} --applied --reason "…"`'
        )
        there = at.changed <= len(statements)
        place = (
            migration.up.place(migration.up.start_of(statements[at.changed - 1])) if there else Place(migration.path)
        )
        yield Problem("unfinished", what, place, hint, _diff(entry, migration), concern=Concern.LEDGER)
        return
    what = f"{migration.name} was started{_when(entry)}: {how_far(at, len(statements))}"
    hint = "apply resumes at that statement; completed statements are skipped"
    if at.alive:
        what = f"{migration.name} was started{_when(entry)}, and a backend still runs it"
        hint = f"`ctgitops watch --env {environment}` shows its progress; another run waits until the backend is done"
    why = _why(entry, ledger)
    yield Problem("unfinished", what, Place(migration.path), hint, why, blocks=False, concern=Concern.LEDGER)


def _diff(entry: Entry, migration: Migration) -> str:
    before, after = redact(entry.sql or "").splitlines(), migration.up.shown.splitlines()
    return "\n".join(difflib.unified_diff(before, after, f"ledger, entry {entry.id}", migration.path, lineterm="", n=2))


def _when(entry: Entry) -> str:
    who = f" by {entry.actor}" if entry.actor else ""
    return f" on {entry.started_at:%Y-%m-%d %H:%M:%S UTC}{who}" if entry.started_at else who


def _why(entry: Entry, ledger: Ledger) -> str:
    ended = (e.error for e in reversed(ledger.entries) if e.number == entry.number and e.error)
    return next(ended, "") or ""

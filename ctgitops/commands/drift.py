"""The command `drift`. Compares the live schema with the schema that the ledger's migrations produce."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.environment.given import given_hint
from ..core.ledger.drift_acceptance import accepted_in, is_accepted
from ..core.ledger.identity import refuse_wrong
from ..core.plan.replay import steps_with_repeatable
from ..core.run.export import tables_of_exports
from ..core.schema.compare import without, without_access_of
from ..core.schema.predecessor_difference import LedgerSchema
from ..core.view.drift import Drift, DriftResult
from ..core.view.preview import NotPlanned
from ..errors import ApplyError, CtgitopsError, LedgerError, MustWaitError
from .applying.in_step import with_tool_changes
from .replaying.predecessor import Examined, Predecessors, comparison
from .replaying.replay import Replayed, replay

if TYPE_CHECKING:
    from ..core.activity.lock_holder import Holder
    from ..core.gate.request import Request
    from ..core.ledger.ledger import Ledger
    from ..core.schema.snapshot import Snapshot
    from ..ports.database import Database, Databases
    from ..ports.shadow import Shadows

__all__ = ["ATTEMPTS", "Predecessors", "drift", "drift_of", "examine", "read_while_idle"]
ATTEMPTS = 3


def drift(
    requests: tuple[Request, ...], *, databases: Databases, shadows: Shadows, predecessors: Predecessors | None = None
) -> tuple[DriftResult, ...]:
    """Checks the drift of each environment. The result is an error if the check is not possible. Read-only.

    With `predecessors`, also compares each environment with the environment that its manifest names in `after`.
    """
    known: dict[str, Examined | CtgitopsError] = {}

    def examined(request: Request) -> Examined | CtgitopsError:
        name = request.environment.name
        if name not in known:
            try:
                known[name] = examine(request, databases=databases, shadows=shadows)
            except CtgitopsError as error:
                known[name] = error
        return known[name]

    def result(request: Request) -> DriftResult:
        found = examined(request)
        if isinstance(found, CtgitopsError):
            return NotPlanned(request.environment, found)
        if predecessors is None or request.environment.after is None:
            return found.drift
        against = comparison(found, examined, predecessors, (databases, shadows))
        return replace(found.drift, comparison=against)

    return tuple(map(result, requests))


def drift_of(request: Request, *, databases: Databases, shadows: Shadows) -> Drift:
    """Checks one environment. Read-only. Raises CtgitopsError if the drift is unknown."""
    return examine(request, databases=databases, shadows=shadows).drift


def examine(request: Request, *, databases: Databases, shadows: Shadows) -> Examined:
    """Checks one environment. Read-only. Raises CtgitopsError if the drift is unknown."""
    environment = request.environment
    database = databases.of(environment)
    ledger, live = read_while_idle(database, environment.name)
    ledger = with_tool_changes(request, database, ledger)
    refuse_wrong(environment, ledger.identity)
    found = _replayed(request, ledger, live, shadows)
    # Before the first apply, no ledger has an owner, so the role that applies is not known.
    changes = without_access_of(live.about.role if ledger.last else None, found.changes)
    accepted = accepted_in(ledger)
    unknown = tuple(change for change in changes if not is_accepted(change, accepted))
    ignored = (*environment.drift_ignore, *_of_exports(request, database, ledger))
    left = without(unknown, ignored)
    result = Drift(
        environment,
        left,
        migrations=len(ledger.applied),
        ignored=len(unknown) - len(left),
        accepted=len(changes) - len(unknown),
        unmatched=found.unmatched,
        fingerprint=live.fingerprint,
    )
    known = tuple(change for change in changes if change not in unknown)
    # Of the platform's objects, `changes` has those that migrations add. The versions of its extensions may differ
    patterns = (*ignored, *(each for each in environment.given.patterns if each.startswith("extension ")))
    return Examined(result, request, ledger, LedgerSchema(found.expected, left, live, known, patterns))


def _of_exports(request: Request, database: Database, ledger: Ledger) -> Iterator[str]:
    """Patterns for the objects of tools to whose ledgers migrations were exported."""
    tables = tables_of_exports(ledger)
    if tables:
        for each in database.foreign_ledgers(request.workspace.policy.layout.version_parts):
            yield from each.objects if each.table in tables else ()


def read_while_idle(database: Database, name: str) -> tuple[Ledger, Snapshot]:
    """Reads the ledger and the schema while no run is active. Read-only. Raises MustWaitError or LedgerError."""
    ledger = database.ledger()
    for _ in range(ATTEMPTS):
        snapshot = database.snapshot()
        after = database.ledger()
        if after.last == ledger.last:
            _refuse_unfinished(ledger, name, database.holder() if ledger.unfinished else None)
            return ledger, snapshot
        ledger = after
    raise _at_work(name, database.holder())


def _at_work(name: str, holder: Holder | None) -> MustWaitError:
    who = f": {holder}" if holder else ""
    what = f"a run is changing {name}, so its schema is in an intermediate state{who}"
    return MustWaitError(what, state="nothing was changed", hint="wait until the run ends, then retry")


def _refuse_unfinished(ledger: Ledger, name: str, holder: Holder | None) -> None:
    if ledger.unfinished:
        if holder:
            raise _at_work(name, holder)
        entry = next(iter(ledger.unfinished.values()))
        what = f"{entry.name} is unfinished in {name}, so the expected schema is not known"
        raise LedgerError(what, state="nothing was changed", hint=f"`ctgitops apply --env {name}` continues it")


def _replayed(request: Request, ledger: Ledger, live: Snapshot, shadows: Shadows) -> Replayed:
    """Compares the live schema with that of the ledger's SQL in an empty database. Raises LedgerError."""
    steps = steps_with_repeatable(ledger)
    try:
        return replay(steps, live, shadows, request.environment)
    except ApplyError as error:
        what = f"the migrations of {request.environment.name} do not run in an empty database: {error.what}"
        hint = "the migrations need an object that no migration creates; see the statement, and docs/drift.md"
        hint = given_hint(error.what) or hint
        state = "nothing was changed; it is unknown whether the schema has drifted"
        raise LedgerError(what, place=error.place, state=state, hint=hint) from None

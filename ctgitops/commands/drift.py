"""Drift: the live schema against what the ledger's own migrations give."""

from __future__ import annotations

from ..core.accepted import accepted_in
from ..core.compare import compare, without
from ..core.drift import Drift, DriftLook
from ..core.holder import Holder
from ..core.identity import refuse_wrong
from ..core.ledger import Ledger
from ..core.preview import Unseen
from ..core.replay import like, steps_of, with_versions_of
from ..core.request import Request
from ..core.snapshot import Snapshot
from ..errors import ApplyError, CtgitopsError, LedgerError, MustWaitError
from ..ports import Database, Databases, Shadows

ATTEMPTS = 3


def drift(requests: tuple[Request, ...], *, databases: Databases, shadows: Shadows) -> tuple[DriftLook, ...]:
    """Look at each environment; one that could not be looked at is an error, never a clean one. Read-only."""
    return tuple(_look(request, databases, shadows) for request in requests)


def _look(request: Request, databases: Databases, shadows: Shadows) -> DriftLook:
    try:
        return drift_of(request, databases=databases, shadows=shadows)
    except CtgitopsError as error:
        return Unseen(request.environment, error)


def drift_of(request: Request, *, databases: Databases, shadows: Shadows) -> Drift:
    """One environment. Read-only. Raises CtgitopsError where nobody can say."""
    environment = request.environment
    ledger, live = seen_at_rest(databases.of(environment), environment.name)
    refuse_wrong(environment, ledger.identity)
    expected, unmatched = replayed(ledger, live, environment.name, shadows)
    expected, versions = with_versions_of(expected, live)
    changes = compare(expected, live)
    accepted = accepted_in(ledger)
    unknown = tuple(change for change in changes if change not in accepted)
    left = without(unknown, environment.drift_ignore)
    return Drift(
        environment,
        left,
        migrations=len(ledger.applied),
        ignored=len(unknown) - len(left),
        accepted=len(changes) - len(unknown),
        unmatched=(*unmatched, *versions),
        fingerprint=live.fingerprint,
    )


def seen_at_rest(database: Database, name: str) -> tuple[Ledger, Snapshot]:
    """Ledger and schema of one moment, while no run is at work. Read-only. Raises MustWaitError, LedgerError."""
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
    what = f"a run is changing {name} right now, so its schema is between two states{who}"
    return MustWaitError(what, state="nothing was changed", hint="wait for it to end, then look again")


def _refuse_unfinished(ledger: Ledger, name: str, holder: Holder | None) -> None:
    if ledger.unfinished:
        if holder:
            raise _at_work(name, holder)
        entry = next(iter(ledger.unfinished.values()))
        what = f"{entry.name} did not come to its end in {name}, so nobody knows what its schema should be"
        raise LedgerError(what, state="nothing was changed", hint=f"ctgitops apply --env {name} goes on with it")


def replayed(ledger: Ledger, live: Snapshot, name: str, shadows: Shadows) -> tuple[Snapshot, tuple[str, ...]]:
    """The schema that the ledger's SQL gives in an empty database like the live one, and in what it is not like it."""
    steps = steps_of(ledger)
    try:
        with shadows.like(like(live)) as shadow:
            shadow.bring(steps)
            return shadow.snapshot(), shadow.unmatched
    except ApplyError as error:
        what = f"what {name} has cannot be run again from nothing: {error.what}"
        hint = "its migrations need something that none of them makes; see the statement, and docs/drift.md"
        state = "nothing was changed; whether the schema drifted is not known"
        raise LedgerError(what, place=error.place, state=state, hint=hint) from None

"""Compares an environment with its predecessor, for the command `drift`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.plan.replay import like, steps_with_repeatable
from ...core.schema.database_roles import DatabaseRoles, names_for
from ...core.schema.predecessor_difference import compared, unexplained
from ...core.schema.server_difference import server_differences
from ...core.view.drift import PredecessorComparison
from ...errors import ApplyError, CtgitopsError, LedgerError
from ...lazy import dataclass

if TYPE_CHECKING:
    from ...core.environment.environment import Environment
    from ...core.gate.request import Request
    from ...core.ledger.ledger import Entry, Ledger
    from ...core.schema.compare import Changes
    from ...core.schema.predecessor_difference import LedgerSchema
    from ...core.schema.snapshot import Snapshot
    from ...core.view.drift import Drift
    from ...ports.database import Databases
    from ...ports.shadow import Shadows

    Examine = Callable[[Request], "Examined | CtgitopsError"]
    Ports = tuple[Databases, Shadows]


@dataclass(frozen=True)
class Examined:
    """The drift of one environment, and what a comparison with another environment needs."""

    drift: Drift
    request: Request
    ledger: Ledger
    schema: LedgerSchema


@dataclass(frozen=True)
class Predecessors:
    """Whether to compare environments with their predecessors."""

    request: Callable[[str], Request]
    """Returns the request for the environment of a given name. Raises CtgitopsError."""
    has_url: Callable[[Environment], bool]
    """Whether the secret with the URL of an environment's database is set."""
    required: bool = False
    """Whether a predecessor without a URL is an error. If not, the comparison is then skipped."""


def comparison(found: Examined, examine: Examine, predecessors: Predecessors, ports: Ports) -> PredecessorComparison:
    """Compares an environment with the environment in its `after`. Read-only. Never raises CtgitopsError."""
    name = found.request.environment.after or ""
    optional = False
    try:
        request = predecessors.request(name)
        optional = not (predecessors.required or predecessors.has_url(request.environment))
        other = examine(request)
        if isinstance(other, CtgitopsError):
            raise other
        return _comparison(other, found, ports)
    except CtgitopsError as error:
        return PredecessorComparison(name, error=error, optional=optional)


def _comparison(before: Examined, after: Examined, ports: Ports) -> PredecessorComparison:
    pending, ahead = _only_in(before.ledger, after.ledger), _only_in(after.ledger, before.ledger)
    edited = tuple(_edited(before.ledger, after.ledger))
    names = _Names.of(before), _Names.of(after)
    roles = {mine: its for its, mine in zip(names[0].each, names[1].each, strict=True) if its and mine and its != mine}
    migrations = _with_texts_of(after, before, ports[1]) if edited else before.schema.expected
    changes = unexplained(before.schema, after.schema, migrations, roles)
    server = _server_differences((before, after), (*pending, *ahead), (*roles, *roles.values()), ports[0])
    results = before.drift, after.drift
    return PredecessorComparison(
        before.request.environment.name,
        (*changes, *compared(server, before.schema, after.schema)),
        pending=tuple(entry.name for entry in pending),
        ahead=tuple(entry.name for entry in ahead),
        edited=tuple(entry.name for entry in edited),
        drifted=tuple((each.environment.name, len(each.changes)) for each in results if each.changes),
        unmatched=tuple(_majors(before, after)),
    )


def _only_in(ledger: Ledger, other: Ledger) -> tuple[Entry, ...]:
    """The applied migrations that the other ledger lacks, in the order of their numbers."""
    names = {(entry.number, entry.name) for entry in other.applied.values()}
    return tuple(entry for entry in ledger.applied.values() if (entry.number, entry.name) not in names)


def _edited(before: Ledger, after: Ledger) -> Iterator[Entry]:
    """The environment's migrations that the predecessor applied with other SQL."""
    for number, entry in after.applied.items():
        other = before.applied.get(number)
        if other and other.name == entry.name and other.sql != entry.sql:
            yield entry


def _with_texts_of(after: Examined, before: Examined, shadows: Shadows) -> Snapshot:
    """The schema of the predecessor's migrations, with the environment's text of those that both have."""
    name = after.request.environment.name
    entries = {(entry.number, entry.name): entry for entry in after.ledger.applied.values()}
    texts = {key: entry.sql for key, entry in entries.items()}
    changed = tuple(
        replace(each, sql=texts.get((each.number, each.name)) or each.sql) for each in before.ledger.entries
    )
    steps = steps_with_repeatable(replace(before.ledger, entries=changed))
    try:
        with shadows.replayed(like(before.schema.live), steps, before.request.environment) as shadow:
            return shadow.snapshot()
    except ApplyError as error:
        what = f"the migrations of {before.request.environment.name} do not run with the SQL that {name} applied"
        state = "nothing was changed; it is unknown which differences the migrations explain"
        raise LedgerError(f"{what}: {error.what}", place=error.place, state=state, hint=error.hint) from None


def _server_differences(
    sides: tuple[Examined, Examined], one_sided: tuple[Entry, ...], own: tuple[str, ...], databases: Databases
) -> Changes:
    before, after = (databases.of(side.request.environment).server_objects() for side in sides)
    given = (role for side in sides for role in side.request.environment.given.roles)
    sql = "\n".join(entry.sql or "" for entry in one_sided)
    return server_differences(before, after, (*own, *given), sql)


@dataclass(frozen=True)
class _Names:
    """The roles of an environment that may have another name in each environment."""

    each: tuple[str, ...]

    @classmethod
    def of(cls, side: Examined) -> _Names:
        about = side.schema.live.about
        made = names_for(DatabaseRoles(about.database), "")
        return cls((about.role, side.request.environment.role or "", made.apply, made.plan, made.backup))


def _majors(before: Examined, after: Examined) -> Iterator[str]:
    versions = [side.schema.live.about.major for side in (before, after)]
    if versions[0] != versions[1]:
        names = [side.request.environment.name for side in (before, after)]
        yield f"PostgreSQL {versions[0]} in {names[0]}, {versions[1]} in {names[1]}"

"""Compares an environment with its predecessor, for the command `drift`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.plan.replay import is_run, like, steps_with_repeatable
from ...core.schema.database_roles import DatabaseRoles, names_for
from ...core.schema.predecessor_difference import compared, unexplained, with_role_names
from ...core.schema.server_difference import server_differences
from ...core.view.drift import PredecessorComparison
from ...errors import ApplyError, CtgitopsError, LedgerError
from ...lazy import dataclass
from .replay import without_restored_print

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
    repeatable = tuple(_repeatable(before.ledger, after.ledger))
    roles = _corresponding(_names(before), _names(after))
    bases = (before.schema.expected,) * 2
    if edited:
        bases = before.schema.expected, _with_texts_of(after, before, ports[1])
    elif ahead and not pending:
        bases = (with_role_names(after.schema.expected, roles),) * 2
    environments = before.request.environment, after.request.environment
    found = without_restored_print(
        unexplained(before.schema, after.schema, bases, roles),
        tuple((ports[0].of(each).original, each.shadow) for each in environments),
        ports[1],
        majors=before.schema.live.about.major != after.schema.live.about.major,
    )
    server = _server_differences((before, after), (*pending, *ahead, *repeatable), roles, ports[0])
    changes = (*found.changes, *compared(server, before.schema, after.schema))
    results = before.drift, after.drift
    return PredecessorComparison(
        before.request.environment.name,
        changes,
        pending=tuple(entry.name for entry in pending),
        ahead=tuple(entry.name for entry in ahead),
        edited=tuple(entry.name for entry in edited),
        repeatable=tuple(dict.fromkeys(entry.name for entry in repeatable)),
        drifted=tuple((each.environment.name, len(each.changes)) for each in results if each.changes),
        unmatched=(*_majors(before, after), *found.unmatched, *_listed_as(changes, roles, environments)),
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


def _repeatable(before: Ledger, after: Ledger) -> Iterator[Entry]:
    """The newest runs of the repeatable files whose SQL differs between the ledgers, or that only one ledger has."""
    newest = [{entry.name: entry for entry in ledger.entries if is_run(entry)} for ledger in (before, after)]
    for name in sorted(newest[0].keys() | newest[1].keys()):
        found = [runs[name] for runs in newest if name in runs]
        if len({entry.sql for entry in found}) > 1 or len(found) == 1:
            yield from found


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
    sides: tuple[Examined, Examined], one_sided: tuple[Entry, ...], roles: Mapping[str, str], databases: Databases
) -> Changes:
    before, after = (databases.of(side.request.environment).server_objects() for side in sides)
    given = (role for side in sides for role in side.request.environment.given.roles)
    made = set(zip(*(_made_names(side) for side in sides), strict=True))
    chosen = (name for mine, its in roles.items() if (its, mine) not in made for name in (mine, its))
    sql = "\n;".join(entry.sql or "" for entry in one_sided)
    return server_differences(before, after, roles, {*given, *chosen}, sql)


def _names(side: Examined) -> tuple[str, ...]:
    """The roles of an environment that may have another name in each environment."""
    return side.schema.live.about.role, side.request.environment.role or "", *_made_names(side)


def _made_names(side: Examined) -> tuple[str, ...]:
    """The roles that `ctgitops roles` names after the database. They have the same attributes in each environment."""
    made = names_for(DatabaseRoles(side.schema.live.about.database), "")
    return made.apply, made.plan, made.backup


def _corresponding(before: tuple[str, ...], after: tuple[str, ...]) -> dict[str, str]:
    """Maps roles of an environment to the predecessor's. The role that applies comes before a role named by default."""
    pairs: dict[str, str] = {}
    for its, mine in zip(before, after, strict=True):
        if its and mine:
            pairs.setdefault(mine, its)
    return {mine: its for mine, its in pairs.items() if mine != its}


def _listed_as(changes: Changes, roles: Mapping[str, str], sides: tuple[Environment, Environment]) -> Iterator[str]:
    """Notes about the roles in a list of differences that have the predecessor's names there."""
    listed = "\n".join(f"{each.object} {' '.join(each.object.attributes.values())}" for each in changes)
    for mine, its in roles.items():
        if re.search(rf"(?<!\w){re.escape(its)}(?!\w)", listed):
            yield f"the role {mine} of {sides[1].name}, which has the name {its} in {sides[0].name} and in this list"


def _majors(before: Examined, after: Examined) -> Iterator[str]:
    versions = [side.schema.live.about.major for side in (before, after)]
    if versions[0] != versions[1]:
        names = [side.request.environment.name for side in (before, after)]
        yield f"PostgreSQL {versions[0]} in {names[0]}, {versions[1]} in {names[1]}"

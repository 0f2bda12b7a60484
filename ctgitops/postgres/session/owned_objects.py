"""Drops everything that the connected role owns in a database, and empties the ledger in the same transaction."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING

from psycopg.pq import Escaping

from ...core.activity.blocker import Blocker, blockers_text
from ...core.environment.environment import PreflightAction
from ...core.gate.preflight import PreflightConcern
from ...core.run.progress import Listener, PreflightAwaited
from ...errors import ApplyError, Cause, MustWaitError
from ...lazy import dataclass
from ...sql.locks import LockMode, RequiredLock
from ..connection.cancellable_query import Interrupted, exchange, rest, rows
from ..connection.effective_settings import ON_DISK
from ..connection.names import SCHEMA, literal
from ..connection.uninterrupted_cleanup import uninterrupted_cleanup
from ..transaction.message import OWN_PATH
from ..transaction.step_failure import ASKED_TO_STOP, StepFailed, send
from .blockers import BlockerWatch

if TYPE_CHECKING:
    from ..connection.connect import Address, Connection

PAUSE_SECONDS, MOST_NAMED = 0.5, 5
_DEADLOCK = "40P01"
_BEGIN = f"begin; {OWN_PATH}; set local client_min_messages = error"
_NO_ENTRIES = (
    f"alter table {SCHEMA}.ledger disable trigger refuse_change; "
    f"alter table {SCHEMA}.progress disable trigger refuse_change; "
    f"alter table {SCHEMA}.performance disable trigger refuse_change; "
    f"truncate {SCHEMA}.ledger, {SCHEMA}.progress, {SCHEMA}.performance restart identity; "
    f"alter table {SCHEMA}.performance enable always trigger refuse_change; "
    f"alter table {SCHEMA}.ledger enable always trigger refuse_change; "
    f"alter table {SCHEMA}.progress enable always trigger refuse_change"
)
_FIRST = ("event trigger", "publication", "schema")
"""The kinds to drop first. An event trigger would fire for later drops. Dropping a schema drops its content."""
_RELATIONS = ("table", "view", "materialized view", "sequence", "foreign table")
_WORDS = {
    "statistics object": "statistics",
    "foreign-data wrapper": "foreign data wrapper",
    "function": "routine",
    "procedure": "routine",
    "aggregate": "routine",
}
"""Kinds of objects for which DROP uses a different name than `pg_identify_object`."""
_HINTS = {
    "42501": "run `reset` as the role that owns the ledger and runs `apply`; it must be a member of each `--role`",
    "42704": "check the names in `--role`",
    "53200": "raise `max_locks_per_transaction` on the server: all drops share one transaction",
    "55P03": "wait until the session that uses these objects has ended, or end it",
}

_Object = tuple[str, str]
"""The kind and the quoted identity of an object, as `pg_identify_object` returns them."""


@dataclass(frozen=True)
class OwnedObjects:
    """All objects that `roles` and the connected role own, except the extensions `kept` and the schema `public`."""

    connection: Connection
    address: Address
    kept: tuple[str, ...]
    roles: tuple[str, ...]
    assert_lock_held: Callable[[], None]
    tell: Listener

    def drop(self, patience: float) -> int:
        """Drops all objects, or none, and returns the number of dropped objects. Writes.

        Retries after lock timeouts for `patience` seconds. Raises ApplyError. Raises MustWaitError if CASCADE would
        drop an object of another role.
        """
        deadline = time.monotonic() + patience
        reported: frozenset[int | None] = frozenset()
        while True:
            self.assert_lock_held()
            try:
                return self._dropped()
            except KeyboardInterrupt as stopped:
                lost = isinstance(stopped, Interrupted) and stopped.answer.lost
                raise self._failed(ASKED_TO_STOP, "", lost=lost) from None
            except StepFailed as failed:
                passing = failed.cause is Cause.LOCK_TIMEOUT or failed.failure.sqlstate == _DEADLOCK
                who = self._blockers() if passing else ()
                if not passing or time.monotonic() + PAUSE_SECONDS > deadline:
                    said, state = failed.failure.message, failed.failure.sqlstate
                    raise self._failed(said, state, lost=failed.lost, detail=blockers_text(who)) from None
            reported = self._reported(who, reported)
            self._pause()

    def _dropped(self) -> int:
        send(self.connection, _BEGIN)
        before = self._objects()
        drops = sorted((thing for thing, drop in before.items() if drop), key=_order)
        for thing in drops:
            send(self.connection, _drop(*thing))
        left = self._objects()
        if lost := [thing for thing, drop in before.items() if not drop and thing not in left]:
            exchange(self.connection, "rollback")
            raise self._of_others(lost)
        send(self.connection, _NO_ENTRIES)
        self.assert_lock_held()
        with uninterrupted_cleanup():
            send(self.connection, f"{ON_DISK}; commit")
        return len(drops)

    def _objects(self) -> dict[_Object, bool]:
        """Maps each object of the database to whether it must be dropped."""
        query = files("ctgitops").joinpath("postgres", "sql", "owned.sql").read_text(encoding="utf-8")
        escaping = Escaping(self.connection.pgconn)
        kept = f"array[{', '.join(literal(escaping, name) for name in self.kept)}]::pg_catalog.text[]"
        named = (f"quote_ident({literal(escaping, role)})::regrole" for role in self.roles)
        roles = f"array[{', '.join(('current_user::regrole', *named))}]"
        query = query.replace("(KEPT)", f"({kept})").replace("(ROLES)", f"({roles})")
        found = rows(send(self.connection, query).results[-1])
        return {(str(kind), str(identity)): drop == "t" for kind, identity, drop in found}

    def _blockers(self) -> tuple[Blocker, ...]:
        """Sessions that hold or wait for locks on the relations to drop. Read-only."""
        exchange(self.connection, "rollback")
        with contextlib.suppress(StepFailed):
            send(self.connection, _BEGIN)
            named = [name for (kind, name), drop in self._objects().items() if drop and kind in _RELATIONS]
            wanted = [RequiredLock(name, LockMode.ACCESS_EXCLUSIVE) for name in named]
            return BlockerWatch().blockers(self.connection, wanted, patient=False)
        return ()

    def _reported(self, who: tuple[Blocker, ...], reported: frozenset[int | None]) -> frozenset[int | None]:
        """Reports new blockers. Returns the process IDs of all reported blockers."""
        pids = frozenset(each.pid for each in who)
        if pids - reported:
            concerns = (PreflightConcern("long_transactions", PreflightAction.WAIT, each.text, "") for each in who)
            self.tell(PreflightAwaited(tuple(concerns)))
        return reported | pids

    def _pause(self) -> None:
        exchange(self.connection, "rollback")
        try:
            rest(PAUSE_SECONDS, jitter=0.2)
        except Interrupted:
            raise self._failed(ASKED_TO_STOP, "", lost=False) from None

    def _failed(self, said: str, sqlstate: str, *, lost: bool, detail: str = "") -> ApplyError:
        if not lost:
            exchange(self.connection, "rollback")
        what = f"the objects in {self.address.label} could not be dropped: {self.address.hidden(said)}"
        state = "it is unknown whether they were dropped" if lost else "nothing was changed"
        hint = "; then ".join(filter(None, (_HINTS.get(sqlstate, ""), "run the command again")))
        return ApplyError(what, sqlstate=sqlstate, state=state, hint=hint, detail=detail)

    def _of_others(self, lost: list[_Object]) -> MustWaitError:
        named = ", ".join(f"{kind} {identity}" for kind, identity in lost[:MOST_NAMED])
        more = f" and {len(lost) - MOST_NAMED} more" if lost[MOST_NAMED:] else ""
        role = self.connection.info.user
        what = f"{self.address.label} has objects of other roles that depend on those to drop: {named}{more}"
        hint = f"drop them, or make {role} their owner; if migrations made another role their owner, add `--role NAME`"
        return MustWaitError(what, state="nothing was changed", hint=hint)


def _order(thing: _Object) -> tuple[int, _Object]:
    return (_FIRST.index(thing[0]) if thing[0] in _FIRST else len(_FIRST), thing)


def _drop(kind: str, identity: str) -> str:
    if kind == "large object":
        return f"select pg_catalog.lo_unlink({identity})"
    return f"drop {_WORDS.get(kind, kind)} if exists {identity} cascade"

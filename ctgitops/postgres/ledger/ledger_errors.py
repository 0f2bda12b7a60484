"""Builds errors about the ledger from the server's message, and a hint that depends on its SQLSTATE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from ...errors import CtgitopsError, LedgerError, MustWaitError
from ...sql.nodes import quoted_name
from ...sql.redact import redact_message
from ..connection.cancellable_query import Failure, exchange_or_rollback
from ..connection.effective_settings import ON_DISK
from ..connection.failure_cause import source_of
from ..connection.names import SCHEMA

if TYPE_CHECKING:
    from ..connection.connect import Address, Connection

NOT_GRANTED, READ_ONLY, LOCKED, SCHEMA_EXISTS = "42501", "25006", "55P03", "42P06"
UNCHANGED = "nothing was changed"
_HINTS = {
    "53100": "free space on the server's disk, then run the command again",
    "53200": "the server is out of memory: end the sessions that use it, or add memory, then run the command again",
    "53300": "wait until connections are free, then run the command again",
    "57014": "the statement took too long or was cancelled: see pg_stat_activity, then run the command again",
    "40P01": "run the command again: it conflicted with another transaction",
    "40001": "run the command again: it conflicted with another transaction",
}
_MAY_CREATE = "select pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create')"
_TRIGGERS = """
select pg_catalog.quote_ident(t.evtname), p.proname from pg_catalog.pg_event_trigger t
join pg_catalog.pg_proc p on p.oid operator(pg_catalog.=) t.evtfoid
where t.evtenabled operator(pg_catalog.<>) 'D' order by t.evtname
"""


def failure_of(error: psycopg.Error) -> Failure:
    """The server's error as a `Failure`, which is what `exchange` returns."""
    said = error.diag
    parts = {"DETAIL": said.message_detail, "HINT": said.message_hint, "CONTEXT": said.context}
    detail = "\n".join(f"{name}: {redact_message(text)}" for name, text in parts.items() if text)
    message = redact_message(said.message_primary or " ".join(str(error).split()))
    return Failure(message, error.sqlstate or "", detail=detail, source=source_of(error))


def not_a_ledger(address: Address) -> LedgerError:
    """The error for a schema `ctgitops` that ctgitops did not create."""
    what = f"{address.label} has a schema {SCHEMA} that is not a ledger"
    return LedgerError(what, state=UNCHANGED, hint=f"rename it: ALTER SCHEMA {SCHEMA} RENAME TO …")


def not_readable(connection: Connection, address: Address) -> LedgerError:
    """The error for a role without the right to read the ledger."""
    role = current_role(connection)
    what = f"role {role} may not read the ledger of {address.label}"
    name = quoted_name(role)
    hint = f"GRANT USAGE ON SCHEMA {SCHEMA} TO {name}; GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {name};"
    return LedgerError(what, state="nothing was read or changed", hint=hint)


def current_role(connection: Connection) -> str:
    """The role that lacks a privilege: the current role, or the URL's role if the server does not answer."""
    try:
        row = connection.execute("select current_user").fetchone()
    except psycopg.Error:
        row = None
    return str(row[0]) if row else connection.info.user


def read_only(address: Address) -> LedgerError:
    """The error for a read-only server or role."""
    what = f"{address.label} is read-only: a standby, or a role with default_transaction_read_only"
    hint = "use the URL of the primary, and a role that may write"
    return LedgerError(what, state=UNCHANGED, hint=hint)


def unreadable(address: Address, error: psycopg.Error) -> LedgerError:
    """The error for a ledger that exists but cannot be read."""
    failure = failure_of(error)
    what = f"cannot read the ledger of {address.label}: {_said(address, failure)}"
    hint = _HINTS.get(failure.sqlstate, "correct the cause of the error above, then run the command again")
    return LedgerError(what, state=UNCHANGED, hint=hint, detail=address.hidden(failure.detail))


def cannot_make(
    connection: Connection, address: Address, error: psycopg.Error, found: int, wanted: int
) -> CtgitopsError:
    """The error for a failed creation of a ledger, or for a failed upgrade from format `found` to `wanted`."""
    failure = failure_of(error)
    if failure.sqlstate == SCHEMA_EXISTS:
        return not_a_ledger(address)
    if failure.sqlstate == READ_ONLY:
        return read_only(address)
    triggers = _event_triggers(connection)
    culprit = _culprit(triggers, failure)
    if failure.sqlstate == NOT_GRANTED and not culprit:
        return _not_granted(connection, address, failure, found, wanted)
    ledger = f"the ledger of {address.label}"
    doing = f"upgrade {ledger} from format {found} to {wanted}" if found else f"create {ledger}"
    what = f"cannot {doing}: {_said(address, failure)}"
    detail = address.hidden(failure.detail)
    if failure.sqlstate == LOCKED:
        hint = "another session, such as a pg_dump, holds a conflicting lock: see pg_stat_activity, then retry"
        return MustWaitError(what, state=UNCHANGED, hint=hint, detail=detail)
    return LedgerError(what, state=UNCHANGED, hint=_hint(failure, culprit, triggers), detail=detail)


def _said(address: Address, failure: Failure) -> str:
    """The server's message with its SQLSTATE."""
    state = f" (SQLSTATE {failure.sqlstate})" if failure.sqlstate else ""
    return f"{address.hidden(failure.message)}{state}"


def _not_granted(connection: Connection, address: Address, failure: Failure, found: int, wanted: int) -> LedgerError:
    role, said = current_role(connection), address.hidden(failure.message)
    detail = address.hidden(failure.detail)
    if found:
        what = f"role {role} may not upgrade the ledger of {address.label} from format {found} to {wanted}: {said}"
        hint = f"apply once as the role that owns schema {SCHEMA}; then any role with INSERT on the ledger can apply"
    else:
        what = f"role {role} may not create the ledger in {address.label}: {said}"
        grant = f"GRANT CREATE ON DATABASE {quoted_name(connection.info.dbname)} TO {quoted_name(role)}"
        hint = f"{grant}; or use the URL of a role that has that privilege"
        if _may_create(connection):
            hint = f"grant to role {role} the privilege that the error names, then run the command again"
    return LedgerError(what, state=UNCHANGED, hint=hint, detail=detail)


def add_entry(connection: Connection, address: Address, *statements: str) -> None:
    """Adds rows in one transaction. Waits until the commit is on disk. Writes. Raises LedgerError."""
    answer = exchange_or_rollback(connection, "; ".join(("begin", *statements, ON_DISK, "commit")))
    if answer.failure:
        raise _entry_refused(connection, address, answer.failure)


def _entry_refused(connection: Connection, address: Address, failure: Failure) -> LedgerError:
    what = f"cannot add an entry to the ledger of {address.label}: {_said(address, failure)}"
    hint = _HINTS.get(failure.sqlstate, "check the ledger first: `ctgitops status`")
    if failure.sqlstate == READ_ONLY:
        hint = "use the URL of the primary, then run the command again"
    elif failure.sqlstate == NOT_GRANTED:
        hint = f"grant to role {connection.info.user} the privilege that the error names, then run the command again"
    return LedgerError(what, hint=hint, detail=address.hidden(failure.detail))


def _hint(failure: Failure, culprit: str, triggers: list[tuple[str, str]]) -> str:
    """The next command. Names event triggers if one of them raised the error, or if no other cause is known."""
    if culprit:
        alter = f"ALTER EVENT TRIGGER {culprit}"
        return (
            f"event trigger {culprit} blocks it: correct its function for schema {SCHEMA}; or run `{alter} "
            f"DISABLE`, run the command again, and then `{alter} ENABLE`"
        )
    if failure.sqlstate in _HINTS:
        return _HINTS[failure.sqlstate]
    if triggers:
        names = ", ".join(name for name, _ in triggers)
        return f"correct the cause of the error above (this database has event triggers: {names}), then retry"
    return "correct the cause of the error above, then run the command again"


def _may_create(connection: Connection) -> bool:
    """Whether the role may create schemas. If it may, it lacks another privilege. False if the query fails."""
    try:
        return connection.execute(_MAY_CREATE.encode()).fetchone() == (True,)
    except psycopg.Error:
        return False


def _event_triggers(connection: Connection) -> list[tuple[str, str]]:
    """Name and function of each enabled event trigger. Empty if the server returns an error."""
    try:
        return [(str(name), str(function)) for name, function in connection.execute(_TRIGGERS.encode()).fetchall()]
    except psycopg.Error:
        return []


def _culprit(triggers: list[tuple[str, str]], failure: Failure) -> str:
    """The event trigger whose function is in the error's CONTEXT. Empty without such a trigger."""
    return next((name for name, function in triggers if f"{function}()" in failure.detail), "")

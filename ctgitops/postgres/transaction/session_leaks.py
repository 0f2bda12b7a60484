"""Detects, resets and reports session state after a migration's COMMIT, such as settings and temporary tables.

The query is part of the migration's message, between COMMIT and the reset, and costs no round trip. The query takes
some milliseconds. The query is therefore sent only if a statement can leave session state: SET and similar statements,
temporary tables, and DO, CALL and SELECT, which can call any function.

If several migrations share a transaction, there is no COMMIT between them. Before COMMIT, a server does not distinguish
SET from SET LOCAL, so the text of the file decides. A setting that a function changed only for the transaction is
reported too, because without the reset it would also apply to the next migration.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...core.activity.session_leak import SessionLeak
from ...lazy import dataclass
from ...sql.parse import SqlSyntaxError
from ...sql.setting_scope import SettingScopes, settings_by_scope
from ...sql.traits import Trait
from ..connection.cancellable_query import Answer, rows
from .message import quoted

if TYPE_CHECKING:
    from ...core.plan.plan import Step

MAY_LEAK = {"VariableSetStmt", "PrepareStmt", "DeclareCursorStmt", "ListenStmt", "DoStmt", "CallStmt", "SelectStmt"}
MAY_LEAK |= {"ExecuteStmt"}
_ANSWER = b"ctgitops_left"

# This query runs with the migration's search path, so every name and operator is qualified. The migration's role and
# statement_timeout are recorded and reset first, so that they do not affect the query.
_ASK = """
{begin}select pg_catalog.set_config('ctgitops.role_left', current_user::pg_catalog.text, false),
    pg_catalog.set_config('ctgitops.timeout_left', pg_catalog.current_setting('statement_timeout'), false),
    pg_catalog.set_config('ctgitops.advisory_left', ({advisory})::pg_catalog.text, false);
set session authorization default; reset statement_timeout; {unlock}
select {name}::pg_catalog.text, pg_catalog.concat_ws('; ',
    case when {role_tells}
        and pg_catalog.current_setting('ctgitops.role_left') operator(pg_catalog.<>) current_user::pg_catalog.text
        then pg_catalog.concat('role ', pg_catalog.current_setting('ctgitops.role_left')) end,
    (select pg_catalog.concat('setting ', pg_catalog.string_agg(s.name, ', ' order by s.name)) from (
        select name from pg_catalog.pg_settings
        where source operator(pg_catalog.=) 'session' and name operator(pg_catalog.!~) '^ctgitops[.]'
        union all select 'statement_timeout' where pg_catalog.current_setting('statement_timeout')
            operator(pg_catalog.<>) pg_catalog.current_setting('ctgitops.timeout_left')) s
     where pg_catalog.lower(s.name) operator(pg_catalog.<>) all({settings}::pg_catalog.text[])
     having pg_catalog.count(*) operator(pg_catalog.>) 0),
    (select pg_catalog.concat('temporary table ', pg_catalog.string_agg(c.relname::pg_catalog.text, ', '))
     from pg_catalog.pg_class c where c.relkind operator(pg_catalog.=) any ('{{r,p}}')
        and c.relnamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema()
        and c.relname::pg_catalog.text operator(pg_catalog.<>) all({dropped}::pg_catalog.text[])
     having pg_catalog.count(*) operator(pg_catalog.>) 0),
    (select pg_catalog.concat('temporary view ', pg_catalog.string_agg(c.relname::pg_catalog.text, ', '))
     from pg_catalog.pg_class c where c.relkind operator(pg_catalog.=) any ('{{v}}')
        and c.relnamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema()
        and c.relname::pg_catalog.text operator(pg_catalog.<>) all({dropped}::pg_catalog.text[])
     having pg_catalog.count(*) operator(pg_catalog.>) 0),
    (select pg_catalog.concat('temporary sequence ', pg_catalog.string_agg(c.relname::pg_catalog.text, ', '))
     from pg_catalog.pg_class c where c.relkind operator(pg_catalog.=) any ('{{S}}')
        and c.relnamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema()
        and c.relname::pg_catalog.text operator(pg_catalog.<>) all({dropped}::pg_catalog.text[])
        and not exists (select from pg_catalog.pg_depend d where d.objid operator(pg_catalog.=) c.oid
            and d.refobjsubid operator(pg_catalog.>) 0)
     having pg_catalog.count(*) operator(pg_catalog.>) 0),
    (select pg_catalog.concat('temporary type ', pg_catalog.string_agg(t.typname::pg_catalog.text, ', '))
     from pg_catalog.pg_type t left join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) t.typrelid
     where t.typnamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema()
        and (t.typtype operator(pg_catalog.=) any ('{{e,d,r}}') or c.relkind operator(pg_catalog.=) 'c')
     having pg_catalog.count(*) operator(pg_catalog.>) 0),
    (select pg_catalog.concat('temporary function ', pg_catalog.string_agg(proname::pg_catalog.text, ', '))
     from pg_catalog.pg_proc where pronamespace operator(pg_catalog.=) pg_catalog.pg_my_temp_schema()
     having pg_catalog.count(*) operator(pg_catalog.>) 0),
    (select pg_catalog.concat('prepared statement ', pg_catalog.string_agg(name, ', '))
     from pg_catalog.pg_prepared_statements having pg_catalog.count(*) operator(pg_catalog.>) 0),
    (select pg_catalog.concat('cursor ', pg_catalog.string_agg(name, ', '))
     from pg_catalog.pg_cursors where is_holdable having pg_catalog.count(*) operator(pg_catalog.>) 0),
    (select pg_catalog.concat('LISTEN ', pg_catalog.string_agg(channel, ', '))
     from pg_catalog.unnest({channels}) channel having pg_catalog.count(*) operator(pg_catalog.>) 0),
    case when pg_catalog.current_setting('ctgitops.advisory_left')::pg_catalog.int8 operator(pg_catalog.>) ({kept})
        then 'an advisory lock' end
) as ctgitops_left; {commit}"""
_ADVISORY = """select pg_catalog.count(*) from pg_catalog.pg_locks where locktype operator(pg_catalog.=) 'advisory'
        and pid operator(pg_catalog.=) pg_catalog.pg_backend_pid()"""
_ROLES = {"role", "session_authorization"}


@dataclass(frozen=True)
class _Asked:
    """The parts of the query. The defaults are for a query that runs after COMMIT."""

    begin: str = "begin; "
    commit: str = "commit; "
    unlock: str = ""
    kept: str = "0"
    role_tells: str = "true"
    settings: Iterable[str] = ()
    """Settings that do not count as leaks. Temporary tables in `dropped` do not count either."""
    dropped: Iterable[str] = ()
    channels: str = "array(select * from pg_catalog.pg_listening_channels())"

    def of(self, step: Step) -> str:
        """The query for a step."""
        lists = {"settings": _array(self.settings), "dropped": _array(self.dropped)}
        return _ASK.format(name=quoted(step.name), advisory=_ADVISORY, **{**vars(self), **lists})


def leak_query(step: Step, ours: Iterable[str] = ()) -> str:
    """The query to send after a step's COMMIT. Empty for a step that cannot leak session state.

    `ours` contains the settings that the caller itself has set.
    """
    return _Asked(settings=ours).of(step) if _may_leak(step) else ""


def leak_query_within(step: Step, set_before: Iterable[str] = ()) -> str:
    """Like `leak_query`, for a transaction that continues. Locks of pg_advisory_xact_lock do not count as leaks."""
    if not _may_leak(step):
        return ""
    try:
        said, records = settings_by_scope(step.script.sent), Trait.RECORDS in step.script.traits
    except SqlSyntaxError:
        said, records = SettingScopes(), False
    roles = said.until_commit & _ROLES and not said.beyond & _ROLES
    # ctgitops itself sets these for the transaction, in statements around the file
    ours = {"application_name", *set_before, *(["search_path"] if records else ())}
    return _Asked(
        begin="",
        commit="",
        unlock="select pg_catalog.pg_advisory_unlock_all();",
        kept=_ADVISORY,
        role_tells="false" if roles else "true",
        settings=sorted((said.until_commit | ours) - said.beyond),
        dropped=sorted(said.dropped),
        channels=f"{_array(said.channels)}::pg_catalog.text[]",
    ).of(step)


def _array(names: Iterable[str]) -> str:
    return f"array[{', '.join(quoted(name) for name in names)}]"


def leaks_in(answer: Answer) -> tuple[SessionLeak, ...]:
    """The session state that the steps of a message leaked, according to the message's answer."""
    found = [r for r in answer.results if r.nfields == 2 and r.fname(1) == _ANSWER]
    return tuple(SessionLeak(name or "", what) for result in found for name, what in rows(result) if what)


def _may_leak(step: Step) -> bool:
    try:
        kinds = {statement.kind for statement in step.script.statements}
        temporary = Trait.TEMPORARY in step.script.traits or "pg_temp" in step.script.sql.lower()
        return temporary or bool(kinds & MAY_LEAK)
    except SqlSyntaxError:
        return True

"""Reads and writes the ledger's table `progress`: completed parts of a migration that runs outside a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...core.ledger.resumption import Kind, ProgressRow, ProgressState
from ...lazy import dataclass
from ..connection.names import SCHEMA, literal

if TYPE_CHECKING:
    from psycopg.pq.abc import Escaping

    from ...core.plan.plan import Step
    from ...sql.script import Script
    from ..connection.connect import Connection

# A batched migration can have many thousand progress rows, so the server sums their counts for each run.
_TRACES = f"""
select p.entry, p.number, p.kind, p.mark, p.position, p.statement_hash, min(p.started_at), max(p.finished_at),
       coalesce(sum(p.rows), 0)::bigint, count(*) filter (where p.kind = 'batch'), coalesce(max(p.note), ''),
       max(p.backend_pid), coalesce(bool_or(a.pid is not null), false)
from {SCHEMA}.progress p
left join pg_catalog.pg_stat_activity a on a.pid = p.backend_pid and a.backend_start = p.backend_start
where p.number = any(%s)
group by case when p.kind = 'statement' then p.id end, p.entry, p.number, p.kind, p.mark, p.position, p.statement_hash
order by min(p.id)
"""  # noqa: S608 - constants only
BEGAN = (
    "begin; set local role none; select pg_catalog.quote_literal(backend_start) "
    "from pg_catalog.pg_stat_activity where pid operator(pg_catalog.=) pg_catalog.pg_backend_pid(); commit"
)
"""Queries the start time of this backend. Uses the login role, because another role may be unable to see the time."""


def read_traces(connection: Connection, numbers: Iterable[int]) -> tuple[ProgressRow, ...]:
    """Progress rows of the migrations in `numbers`, oldest first. Read-only."""
    rows = connection.execute(_TRACES.encode(), [list(numbers)], binary=True).fetchall()
    return tuple(
        ProgressRow(entry, number, Kind(str(kind)), ProgressState(str(mark)), *more)  # type: ignore[arg-type]
        for entry, number, kind, mark, *more in rows
    )


@dataclass(frozen=True)
class Author:
    """The columns that are equal in all progress rows of one run for one migration."""

    escaping: Escaping
    entry: int
    step: Step
    began: str
    """The backend's start time, as an SQL constant."""

    def row(
        self,
        reached: ProgressState,
        position: int,
        *,
        kind: Kind = Kind.STATEMENT,
        rows: int | None = None,
        note: str = "",
    ) -> str:
        """The statement that adds a row. All its names are qualified, so objects of the migration cannot interfere.

        If the file has become shorter than `position`, the row has the hash of the last statement.
        """
        script: Script = self.step.script
        statement_hash = script.hash_of(script.statements[min(position, len(script.statements)) - 1])
        values = {
            "entry": str(self.entry),
            "number": str(self.step.number),
            "name": self._text(self.step.name),
            "checksum": self._text(self.step.checksum),
            "kind": self._text(kind),
            "mark": self._text(reached),
            "position": str(position),
            "statement_hash": self._text(statement_hash),
            "rows": "null" if rows is None else str(rows),
            "note": self._text(note) if note else "null",
            "finished_at": "null" if reached is ProgressState.BEGUN else "pg_catalog.clock_timestamp()",
            "backend_pid": "pg_catalog.pg_backend_pid()",
            "backend_start": f"{self.began}::pg_catalog.timestamptz",
        }
        return f"insert into {SCHEMA}.progress ({', '.join(values)}) values ({', '.join(values.values())})"  # noqa: S608

    def _text(self, value: str) -> str:
        return literal(self.escaping, value)

"""Prevents an automatic rollback from destroying rows of other sessions. The xmin of a row shows who wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import dataclass
from ...sql.data_loss import DestructionKind
from ..connection.names import SCHEMA

if TYPE_CHECKING:
    from ...core.gate.data_loss import Loss
    from ...core.plan.plan import Step
    from ...core.run.auto_rollback import Checkpoint
    from ..connection.connect import Connection

OTHERS = "not written by this run"
_OLDEST = "select pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint"
_XIDS = 1 << 32


def oldest_transaction(connection: Connection) -> int:
    """The lowest transaction ID that may still be in progress. Transactions with lower IDs have ended. Read-only."""
    row = connection.execute(_OLDEST).fetchone()
    return int(str(row[0])) if row else 0


def count_of_others(loss: Loss, table: str, checkpoint: Checkpoint) -> str:
    """A query that counts the rows that a loss destroys. Excludes rows that this run wrote after `checkpoint`.

    The run's transaction IDs are in its ledger entries and progress rows. In a column that the run added, rows older
    than the run have the default. A row that the run wrote in a subtransaction counts as another session's row. At
    worst, this prevents a rollback.
    """
    strange = (
        f"not xmin operator(pg_catalog.=) any (select l.xmin from {SCHEMA}.ledger l where l.id > {checkpoint.entry} "  # noqa: S608 - names quoted by the parser
        f"union all select p.xmin from {SCHEMA}.progress p where p.entry > {checkpoint.entry})"
    )
    if loss.its_own and loss.what.column:
        oldest = f"'{checkpoint.oldest % _XIDS}'::pg_catalog.xid"
        strange += f" and pg_catalog.age(xmin) operator(pg_catalog.<=) pg_catalog.age({oldest})"
    counted = f"pg_catalog.count({loss.what.column or '*'}) filter (where {strange})"
    if loss.query:
        return loss.query.replace("pg_catalog.count(*)", counted, 1)
    return f"select {counted} from {table}"  # noqa: S608 - see above


@dataclass(frozen=True)
class RowGuard:
    """Prevents the rollback of a plan from destroying rows of other sessions."""

    losses: tuple[Loss, ...]
    checkpoint: Checkpoint

    def of(self, step: Step) -> str:
        """A statement that locks a step's tables against writers. Fails if other sessions wrote rows. May be empty."""
        checks = [
            self._check(loss)
            for loss in self.losses
            if loss.migration == step.name and loss.what.how not in {DestructionKind.UNREADABLE, DestructionKind.SCHEMA}
        ]
        return f"do $guard$ begin {' '.join(checks)} end $guard$" if checks else ""

    def _check(self, loss: Loss) -> str:
        name = loss.what.name
        said = f"{name} holds rows that were {OTHERS}".replace("'", "''").replace("%", "%%")
        return (
            f"if pg_catalog.to_regclass('{name.replace(chr(39), chr(39) * 2)}') is not null then "
            f"lock table {name} in share row exclusive mode; "
            f"if ({count_of_others(loss, name, self.checkpoint)}) > 0 then "
            f"raise exception using errcode = 'object_in_use', message = '{said}'; end if; end if;"
        )

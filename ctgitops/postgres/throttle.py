"""What a batched migration gives way to: replicas that are behind, and whoever waits for a lock of ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ..sql.batch import Batch
from .connect import Connection
from .exchange import Failure, exchange, rows
from .failed import StepFailed
from .message import Spot

_LAG = """
select coalesce(max(extract(epoch from replay_lag)), 0), count(*) filter (where state is null)
from pg_catalog.pg_stat_replication
"""
WAITERS = """
select count(*) from pg_catalog.pg_stat_activity a
where a.wait_event_type = 'Lock' and pg_catalog.pg_backend_pid() = any(pg_catalog.pg_blocking_pids(a.pid))
"""
"""Asked before a batch commits: who waits for it then waited for rows or tables that it holds."""
SHORTEST, LONGEST = timedelta(milliseconds=100), timedelta(seconds=10)


@dataclass
class Throttle:
    """How long to pause between batches."""

    batch: Batch
    _slower: int = 1

    @property
    def pause(self) -> float:
        """Seconds until the next batch."""
        if self._slower == 1:
            return self.batch.pause.total_seconds()
        return min(max(self.batch.pause, SHORTEST) * self._slower, LONGEST).total_seconds()

    def waited(self, somebody: int) -> None:
        """So many waited for the last batch: twice as long a pause while somebody does, half as long when nobody."""
        self._slower = min(self._slower * 2, 1024) if somebody else max(self._slower // 2, 1)

    def lag(self, connection: Connection) -> float:
        """Seconds by which the slowest replica is too far behind; 0 where none is. Raises StepFailed."""
        answer = exchange(connection, _LAG)
        if answer.failure:
            raise StepFailed(answer.failure, Spot(), answer.lost)
        behind, unseen = rows(answer.results[-1])[0]
        if int(unseen or 0) and self.batch.lag_asked:
            user = connection.info.user
            what = f"role {user} may not see how far the replicas are behind, which `max_lag` asks for"
            hint = f"GRANT pg_read_all_stats TO {user}; then run the same again"
            raise StepFailed(Failure(what), Spot(), lost=False, hint=hint)
        seconds = float(behind or 0)
        return seconds if seconds > self.batch.max_lag.total_seconds() else 0.0

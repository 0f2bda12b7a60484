"""Renders the status of environments, and what their runs are doing, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.activity.run_activity import Look
from .json import Object, dump, moment_data, problem_data, reason_data
from .override import override_data
from .watch import activity_data

if TYPE_CHECKING:
    from ..core.performance.record import Measuring
    from ..core.view.queue import QueuedApply
    from ..core.view.status import EnvironmentStatus, Row


def status_json(statuses: tuple[EnvironmentStatus, ...]) -> str:
    """The status of all environments."""
    return dump({"environments": [_status(status) for status in statuses]})


def watch_json(environment: str, look: Look | None, measuring: Measuring | None = None) -> str:
    """What the run of one environment is doing, or what a run without the run lock still measures."""
    return dump({"environment": environment, "run": activity_data(look), "measuring": _measuring(measuring)})


def _measuring(measuring: Measuring | None) -> Object | None:
    if measuring is None:
        return None
    last = measuring.last
    return {
        "until": moment_data(measuring.until),
        "plan": last.plan,
        "migrations": list(last.migrations),
        "actor": last.actor or None,
        "run_url": last.run_url or None,
    }


def _status(status: EnvironmentStatus) -> Object:
    last = status.last
    return {
        "environment": status.environment,
        "unreadable": status.unreadable or None,
        "current_version": str(status.version) if status.version else None,
        "pending": None if status.unreadable else status.pending,
        "ledger_id": status.ledger_id or None,
        "recovery_point": status.recovery_point and status.recovery_point.to_data(),
        "last": last
        and {
            "name": last.name,
            "mark": last.mark.value,
            "at": moment_data(last.finished_at or last.started_at),
            "actor": last.actor,
            "run_url": last.run_url,
        },
        "override": override_data(status.override),
        "run": activity_data(Look(status.run) if status.run else None),
        "measuring": _measuring(status.measuring),
        "queue": status.queued and _queued(status.queued),
        "migrations": [_row(row) for row in status.rows],
        "deprecations": [each.to_data() for each in status.deprecations],
        "problems": [problem_data(problem) for problem in status.problems],
    }


def _queued(queued: QueuedApply) -> Object:
    return {
        "position": queued.position,
        "until": moment_data(queued.until),
        "until_local": (queued.wait and queued.wait.local) or None,
        "timezone": queued.environment.zone,
        "reasons": [reason_data(reason) for reason in queued.reasons],
    }


def _row(row: Row) -> Object:
    return {
        "number": row.number,
        "name": row.name,
        "version": str(row.version) if row.version else None,
        "description": row.description,
        "date": moment_data(row.date),
        "status": row.state.value,
        "detail": row.detail,
    }

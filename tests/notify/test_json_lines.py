"""The log as JSON lines: every event is a line of the published shape."""

from __future__ import annotations

import io
import json
import typing
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import jsonschema
import pytest

from ctgitops.core.activity.blocker import Blocker
from ctgitops.core.activity.interrupted_run import InterruptedRun
from ctgitops.core.activity.orphaned_backend import Orphan
from ctgitops.core.activity.session_settings import SessionSettings
from ctgitops.core.environment.environment import PreflightAction
from ctgitops.core.gate.health import HealthResult, HealthState
from ctgitops.core.gate.override import OverriddenWait, UsedOverride
from ctgitops.core.gate.preflight import PreflightConcern
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import make_plan
from ctgitops.core.recovery_point import RecoveryPoint
from ctgitops.core.run import backup_progress as backup_events
from ctgitops.core.run import progress as events
from ctgitops.core.run.progress import Progress
from ctgitops.errors import LedgerError
from ctgitops.notify.event_fields import environment_of, name_of
from ctgitops.notify.json_lines import json_line, json_lines
from tests.fakes import STAGING, migration, receipt, workspace
from tests.notify.test_console import step

AT = datetime(2026, 11, 24, 14, 2, 7, 123456, tzinfo=UTC)
PLAN = make_plan(workspace(migration("001_one", "1.0.0")), STAGING, Ledger())
WHO = Blocker(7, "psql", "ana", 3.0, "active", "select 'hunter2'", "public.t", "AccessShareLock", granted=True)
EVERY: tuple[Progress, ...] = (
    events.LockAwaited("run 17"),
    events.OrphanAwaited(Orphan(9, AT, "ctgitops/apply", "ana", 1.0, "select 1")),
    events.SessionConnected(SessionSettings((("lock_timeout", "200ms"),))),
    events.PreflightAwaited((PreflightConcern("backups", PreflightAction.WAIT, "pg_dump runs", "wait"),)),
    events.PreflightUnchecked("the replication lag"),
    events.PlanStarted(PLAN),
    backup_events.BackupAdvanced("dumping"),
    backup_events.BackupMeasured(backup_events.Measure("dumping", "written", 5, None), 1.0, milestone=False),
    backup_events.BackupTaken(receipt()),
    backup_events.RecoveryPointTaken(RecoveryPoint(AT, "0/1")),
    events.StepStarted(step(), 1, 2),
    events.StepWaited(step(), 1, 0.5),
    events.BlockersAwaited(step(), (WHO,)),
    events.StatementFinished(step(), 1, 2, 3),
    events.BatchFinished(step(), 1, 100, 50.0, 2.0),
    events.BatchPaused(step(), "replication lag"),
    events.StepResumed(step(), 2, 3),
    events.LeftoverHealed(step(), "dropped the invalid index i"),
    events.BackendAwaited(step(), 7, "create index"),
    events.IndexAdvanced(step(), "scanning", 1, 0),
    events.IndexAdvanced(step(), "scanning", 1, 0, 2),
    events.BuildsStarted(step(), (1, 2, 3), 2),
    events.CommitAwaited(step(), 3, 1, 2),
    events.StepFinished(step(), 3, 1, 2),
    events.RollbackStarted(PLAN),
    events.HealthWatched(HealthResult(HealthState.UNWELL, "returned 4"), 3.0),
    events.SeedFinished("seeds/staging/a.sql", 4),
    events.InterruptedRunFound(InterruptedRun("0123456789ab", AT, AT)),
    events.ToolChangesRecorded("goose", ("001_one",), ("002_two",)),
    events.GatesOverridden(PLAN, UsedOverride((OverriddenWait("window", "closed"),), "orders fail")),
    events.LoadWatched(10.0),
    events.LoadUnmeasured("permission denied"),
)


def schema() -> dict[str, Any]:
    text = (resources.files("ctgitops.report") / "schemas" / "log.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def valid(line: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker()).validate(found)
    return found


def logged(*told: Progress) -> list[dict[str, Any]]:
    stream = io.StringIO()
    tell = json_lines(stream, "staging", lambda: AT)
    for each in told:
        tell(each)
    return [valid(line) for line in stream.getvalue().splitlines()]


def test_the_schema_is_one_and_lists_every_event() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert {type(each) for each in EVERY} == set(typing.get_args(Progress))
    names = {name_of(each) for each in EVERY} | {"error", "warning", "note", "run-ended"}
    assert set(schema()["properties"]["event"]["enum"]) == names


@pytest.mark.parametrize("event", EVERY, ids=name_of)
def test_each_event_is_one_line_of_the_published_shape(event: Progress) -> None:
    (line,) = logged(event)
    assert line["time"] == "2026-11-24T14:02:07.123Z"
    assert line["environment"] == (environment_of(event) or "staging")
    assert line["migration"] == (event.step.name if hasattr(event, "step") else None)


def test_a_step_has_its_numbers() -> None:
    (line,) = logged(events.StepFinished(step(), 12, 2, 5))
    assert line == {
        "version": 1,
        "time": "2026-11-24T14:02:07.123Z",
        "level": "info",
        "event": "step-finished",
        "message": "[2/5] 002_extended_schema … applied in 12 ms",
        "environment": "staging",
        "migration": "002_extended_schema",
        "position": 2,
        "of": 5,
        "millis": 12,
        "direction": "apply",
        "transactional": True,
    }


def test_what_waits_is_a_warning() -> None:
    levels = {line["event"]: line["level"] for line in logged(*EVERY)}
    assert {name for name, level in levels.items() if level == "warning"} >= {
        "step-waited",
        "lock-awaited",
        "health-watched",
    }
    assert levels["step-finished"] == "info"


def test_a_line_has_no_literal_of_a_query_and_no_command_for_the_runner() -> None:
    (line,) = logged(events.BlockersAwaited(step(), (WHO,)))
    assert "hunter2" not in json.dumps(line)
    hostile = json_line(AT, "info", "note", "a\n::error::x ##[group]\x1b[2J")
    assert hostile.isascii()
    assert hostile.count("\n") == 1
    assert "##[" not in hostile


def test_an_error_is_a_line_of_the_published_shape() -> None:
    error = LedgerError("no", state="nothing was changed", hint="retry")
    fields = {"code": error.code, "exit_status": error.exit_status, "state": error.state, "hint": error.hint}
    assert valid(json_line(AT, "error", "error", error.what, **fields))["code"] == "ledger"

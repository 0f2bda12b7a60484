from __future__ import annotations

import io
import re
from datetime import datetime

import pytest

from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.plan.plan import Direction, Step, make_plan
from ctgitops.core.run.backup_progress import BackupAdvanced, BackupMeasured, BackupTaken, Measure
from ctgitops.core.run.outcome import Outcome, Status
from ctgitops.core.run.progress import (
    LoadUnmeasured,
    LoadWatched,
    LockAwaited,
    PlanStarted,
    Progress,
    SeedFinished,
    StatementFinished,
    StepFinished,
    StepStarted,
    StepWaited,
)
from ctgitops.notify.console import console
from ctgitops.report.terminal_text import width
from ctgitops.sql.script import Script
from tests.fakes import STAGING, migration, receipt, workspace

AT = datetime(2026, 11, 24, 14, 2, 7)
APPLIED = Outcome(make_plan(workspace(), STAGING, Ledger()), Status.APPLIED)


def step(name: str = "002_extended_schema", sql: str = "SELECT 1;", direction: Direction = Direction.APPLY) -> Step:
    return Step(direction, 2, name, None, "sha256:x", Script(sql, "x.sql"))


def told(*events: Progress) -> list[str]:
    stream = io.StringIO()
    with console({}, stream, lambda: AT) as tell:
        for event in events:
            tell(event)
    return stream.getvalue().splitlines()


def test_a_step_is_one_line() -> None:
    assert told(StepStarted(step(), 2, 5), StepFinished(step(), 12, 2, 5)) == [
        "14:02:07 [2/5] 002_extended_schema … applied in 12 ms"
    ]


def test_a_backup_tells_how_far_it_is_and_a_log_only_each_tenth_of_it() -> None:
    dump = Measure("dumping", "written", 118_000_000, 42)
    restore = Measure("restoring", "rows", 120_000, 57, (3, 12))
    unknown = Measure("dumping", "written", 0, None)
    lines = told(
        BackupMeasured(dump, 9_800_000, milestone=True),
        BackupMeasured(dump, 9_800_000, milestone=False),
        BackupMeasured(restore, 31_000.4, milestone=True),
        BackupMeasured(unknown, 0, milestone=True),
    )
    assert [line.removeprefix("14:02:07 ") for line in lines] == [
        "backup: dumping, about 42 %, 118 MB written, 9.8 MB a second",
        "backup: restoring, about 57 %, 3 of 12 tables, 120,000 rows, 31,000 a second",
        "backup: dumping, 0 bytes written, 0 bytes a second",
    ]


def test_everything_else_has_its_line() -> None:
    plan = make_plan(workspace(migration("001_one", "1.0.0")), STAGING, Ledger())
    outside = step("010_index", "CREATE INDEX CONCURRENTLY i ON t (a);")
    lines = told(
        LockAwaited("run 17 of anna"),
        PlanStarted(plan),
        BackupAdvanced("restore"),
        BackupTaken(receipt()),
        StepStarted(outside, 1, 2),
        StatementFinished(outside, 1, 3, 3400),
        StepWaited(step(), 2, 1.6),
        StepWaited(outside, 1, 0.2),
        StepFinished(step(direction=Direction.ROLLBACK), 8, 2, 2),
        SeedFinished("seeds/a.sql", 3),
        LoadWatched(10),
        LoadWatched(900, APPLIED),
        LoadUnmeasured("canceling statement\nnow"),
    )
    assert [line.removeprefix("14:02:07 ") for line in lines] == [
        "waiting for the run lock: run 17 of anna",
        f"staging: plan {plan.fingerprint[:12]}, 1 to apply",
        "backup: restore",
        f"backup {receipt().id} verified by a restore; to restore it: {receipt().restore_with}",
        "[1/2] 010_index … outside a transaction",
        "010_index … statement 1 of 3 done in 3.4 s",
        "002_extended_schema … lock timeout (attempt 2), rolled back; retrying in 1.6 s",
        "010_index … lock timeout (attempt 1), completed statements stay; retrying in 0.2 s",
        "[2/2] 002_extended_schema … rolled back in 8 ms",
        "seed file seeds/a.sql … ran in 3 ms",
        "performance: measuring the load for at least 10 s before the first migration",
        "performance: all migrations are applied and the run lock is free; measuring the load for 15 min",
        "performance: not measured: canceling statement now",
    ]


def test_text_of_files_cannot_move_the_cursor_or_begin_a_line() -> None:
    (line,) = told(SeedFinished("a\x1b[2J\n::error::b", 3))
    assert line == "14:02:07 seed file a [2J ::error::b … ran in 3 ms"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_the_live_display_and_no_markup_from_files() -> None:
    stream = Terminal()
    with console({}, stream, lambda: AT) as tell:
        tell(StepStarted(step("[bold red]evil[/]"), 1, 1))
        tell(StepWaited(step("[bold red]evil[/]"), 1, 0.2))
        tell(StepFinished(step("[bold red]evil[/]"), 5, 1, 1))
        tell(BackupAdvanced("[link=x]count[/link] :tada:"))
    assert "[1/1] [bold red]evil[/] … applied in 5 ms" in stream.getvalue()


def test_github_actions_and_dumb_terminals_get_plain_lines() -> None:
    for environ in ({"GITHUB_ACTIONS": "true"}, {"TERM": "dumb"}):
        stream = Terminal()
        with console(environ, stream, lambda: AT) as tell:
            tell(SeedFinished("a.sql", 3))
        assert stream.getvalue() == "14:02:07 seed file a.sql … ran in 3 ms\n"


def test_a_live_line_that_is_wider_than_the_terminal_goes_on_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    holder = "run 17 of anna, at work since 14:02 on create index concurrently of the table customers_of_the_company"
    with console({}, stream, lambda: AT) as tell:
        tell(LockAwaited(holder))
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    assert set(holder.split()) <= set(shown.split())
    assert "0:00:00" in shown
    assert all(width(line) <= 80 for line in re.split(r"[\r\n]", shown))

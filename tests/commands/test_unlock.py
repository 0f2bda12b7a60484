from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ctgitops.commands.unlock import Ending, unlock
from ctgitops.core.activity.lock_holder import Holder
from ctgitops.errors import MustWaitError
from tests.fakes import STAGING, Diary, request, workspace

OURS = Holder(4711, datetime(2026, 11, 24, 9, 30, tzinfo=UTC), "migrator", "ctgitops/lock", "10.0.0.7", actor="anna")


def unlocked(diary: Diary, ending: Ending) -> str:
    return unlock(request(workspace(), STAGING), ending, databases=diary).verdict


def test_nobody_holds_it() -> None:
    assert unlocked(Diary(), Ending.ANY) == "the run lock of staging is free"


def test_it_only_says_who_holds_it() -> None:
    diary = Diary(holder=replace(OURS, run_url="https://github.com/a/b/actions/runs/7", step="003_index"))
    said = unlocked(diary, Ending.NONE)
    assert "backend 4711, ctgitops/lock, user migrator from 10.0.0.7, since 09:30:00 UTC; run by anna" in said
    assert "at 003_index; https://github.com/a/b/actions/runs/7; none of its sessions is busy" in said
    assert diary.lines == []


def test_a_run_that_is_gone_is_ended() -> None:
    diary = Diary(holder=OURS)
    assert unlocked(diary, Ending.IDLE).startswith("terminated the run that held the run lock of staging: backend 4711")
    assert diary.lines == ["end backend 4711"]


def test_a_run_at_work_is_ended_by_name_alone() -> None:
    diary = Diary(holder=replace(OURS, busy="active for 12 s"))
    with pytest.raises(MustWaitError, match="is busy \\(active for 12 s\\)") as caught:
        unlocked(diary, Ending.IDLE)
    assert (caught.value.state, diary.lines) == ("nothing was terminated", [])
    assert "--end-at-work" in caught.value.hint
    assert unlocked(diary, Ending.ANY).startswith("terminated")


def test_a_run_that_reported_just_now_is_alive_and_ended_by_name_alone() -> None:
    diary = Diary(holder=replace(OURS, silent=2.0, step="its backup: restoring it"))
    with pytest.raises(MustWaitError, match="is alive \\(its run reported 2 s ago\\)") as caught:
        unlocked(diary, Ending.IDLE)
    assert (caught.value.state, diary.lines) == ("nothing was terminated", [])
    assert "--end-at-work" in caught.value.hint
    assert unlocked(diary, Ending.ANY).startswith("terminated")
    assert unlocked(Diary(holder=replace(OURS, silent=40.0)), Ending.IDLE).startswith("terminated")


@pytest.mark.parametrize("other", [{"application": "psql"}, {"application": "myctgitops/lock"}, {"same_user": False}])
@pytest.mark.parametrize("ending", [Ending.IDLE, Ending.ANY])
def test_what_is_not_ours_is_never_ended(other: dict[str, object], ending: Ending) -> None:
    diary = Diary(holder=replace(OURS, **other))  # type: ignore[arg-type]
    with pytest.raises(MustWaitError, match="held by another tool or role"):
        unlocked(diary, ending)
    assert diary.lines == []


def test_a_server_that_does_not_end_it_is_not_believed() -> None:
    with pytest.raises(MustWaitError, match="did not terminate"):
        unlocked(Diary(holder=OURS, ends=False), Ending.IDLE)

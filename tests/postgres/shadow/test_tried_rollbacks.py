"""Rollbacks are tried with what changed, with the same result as with whole snapshots."""

from __future__ import annotations

import dataclasses

import pytest

from ctgitops.commands.planning.trial import TrialRunner
from ctgitops.core.environment.environment import ShadowPolicy
from ctgitops.core.ledger.ledger import Ledger
from ctgitops.core.migration.selector import Selector
from ctgitops.core.plan.plan import Direction, Plan
from ctgitops.core.plan.replay import steps_of_files
from ctgitops.core.schema.compare import compare
from ctgitops.core.schema.source_database import Role, SourceDatabase
from ctgitops.core.trial.trial import Trial
from ctgitops.postgres.shadow.sandbox import sandbox_shadow
from ctgitops.postgres.shadow.schema_tracker import SchemaTracker
from tests.fakes import migration, workspace

ENDS_OTHERS = (
    "select pg_terminate_backend(pid) from pg_stat_activity "
    "where application_name ~ 'snapshot' and usename = current_user;"
)
WORK = workspace(
    migration("001_one", sql="create table one (id int primary key, n text);", down="drop table one;"),
    migration("002_type", sql="create type mood as enum ('a'); alter table one add m mood;", down="drop type mood;"),
    migration("003_view", sql="create view v as select n from one;", down="drop view v;"),
    migration("004_name", sql="alter table one rename n to o;", down="alter table one rename o to p;"),
    migration("005_ends", sql=f"create table five (); {ENDS_OTHERS}", down=f"drop table five; {ENDS_OTHERS}"),
    migration("006_again", sql="-- ctgitops: idempotent\ncreate table if not exists six ();", down="drop table six;"),
    migration("007_s", sql="create schema s; alter table six set schema s", down="alter table s.six set schema public"),
    migration("008_once", sql="-- ctgitops: idempotent\nalter table one add more int default 1;", down="select 1;"),
    migration("009_index", sql="create index concurrently i on one (o);", down="drop index concurrently i;"),
    migration("010_fails", sql="create table ten (); select 1 / 0;", down="drop table ten;"),
)  # fmt: skip


def _tried(up_to: int) -> Trial:
    steps = steps_of_files(WORK, up_to)
    plan = Plan("staging", Direction.APPLY, None, None, Selector(), steps)
    original = SourceDatabase("owner", roles=(Role("owner", superuser=True),))
    with sandbox_shadow(original, ShadowPolicy()) as sandbox:
        return TrialRunner(plan, Ledger(), original, sandbox).proof(sandbox.snapshot())


def _comparable(trial: Trial) -> tuple[Trial, list[str]]:
    """The trial without its errors, which are equal only to themselves, and their text."""
    ways = tuple(dataclasses.replace(each, failed=None) for each in trial.ways)
    again = tuple(dataclasses.replace(each, failed=None) for each in trial.again)
    errors = [
        str(trial.failed),
        *(str(each.failed) for each in trial.ways),
        *(str(each.failed) for each in trial.again),
    ]
    return dataclasses.replace(trial, failed=None, ways=ways, again=again), errors


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("up_to", [9, 10])
def test_the_result_is_that_of_whole_snapshots(up_to: int, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = _tried(up_to)
    names = {way.step.name: [str(change.object) for change in way.left] for way in quick.ways}
    assert names["001_one"] == names["003_view"] == names["005_ends"] == names["009_index"] == []
    assert names["002_type"] == []
    assert names["007_s"] == ["schema s"]
    assert "column public.one.p" in names["004_name"]
    assert (quick.failed is not None) is (up_to == 10)
    # A tracker that misses every change is found out by the whole snapshot, and no result rests on it
    monkeypatch.setattr(SchemaTracker, "changed", lambda *_: {})
    whole = _tried(up_to)
    assert _comparable(quick) == _comparable(whole)
    assert quick.after == whole.after
    assert compare(quick.before, quick.after) == quick.changes

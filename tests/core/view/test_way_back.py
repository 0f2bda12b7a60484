"""The way back from a pull request, and what its comment remembers."""

from __future__ import annotations

from dataclasses import replace

from ctgitops.core.gate.gate import Unreadable
from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.view.pull_request_record import Ledgers, MigrationRef, RunEnd, Stage, record_of
from ctgitops.core.view.record_memory import memory_in, memory_text, newer_than, with_memory
from ctgitops.core.view.way_back import BackupNote, way_back
from ctgitops.report.record_steps import next_step
from tests.fakes import NOW, PRODUCTION, STAGING, chained, entry, migration, receipt

ONE, TWO, THREE = migration("001_one", "1.0.0"), migration("002_two", "1.1.0"), migration("003_three", "1.2.0")
BOTH = (STAGING, PRODUCTION)
WANTED = [MigrationRef(2, "002_two")]
HIDDEN = Unreadable("PRODUCTION_DATABASE_URL is not set", 2)


def test_the_way_back_keeps_what_was_there_before_and_names_what_else_goes() -> None:
    backed = replace(entry(TWO), rollback_sql="drop table two", receipt=receipt().summary())
    ledger = chained(replace(entry(ONE), rollback_sql=None), backed, replace(entry(THREE), rollback_sql="drop table x"))
    way = way_back({"002_two"}, ledger)
    assert way is not None
    assert (way.to, way.undone, way.others, way.irreversible) == ("001_one", ("002_two",), ("003_three",), ())
    assert way.backup == BackupNote(receipt().id, receipt().finished_at.isoformat(), receipt().restore_with)
    assert way_back({"009_x"}, ledger) is None
    everything = way_back({"001_one"}, ledger)
    assert everything is not None
    assert (everything.to, everything.irreversible, everything.backup) == ("0", ("001_one",), None)


def test_a_run_without_a_secret_keeps_what_the_comment_remembers() -> None:
    both: Ledgers = {"staging": chained(entry(TWO)), "production": chained(entry(TWO, Mark.ROLLED_BACK), entry(TWO))}
    text = memory_text(record_of(WANTED, BOTH, both), {}, both)
    now: Ledgers = {**both, "production": HIDDEN}
    found = with_memory(record_of(WANTED, BOTH, now), memory_in(text), now)
    assert found.stage(PRODUCTION) is Stage.APPLIED
    assert found.ways_back.keys() == {"staging", "production"}
    assert len(found.cells(PRODUCTION)["002_two"].past) == 1
    assert memory_text(found, memory_in(text), now) == text, "and the next comment remembers the same"


def test_a_refusal_is_remembered_until_the_ledger_has_something_newer() -> None:
    before: Ledgers = {"staging": chained(entry(ONE))}
    end = RunEnd(Stage.BLOCKED, "1 problem", "correct it", ("gap",), "migrations/002_two.sql", "https://x.example/1")
    record = replace(record_of(WANTED, BOTH, before), ends={"staging": end})
    memory = memory_in(memory_text(record, {}, before))
    assert with_memory(record_of(WANTED, BOTH, before), memory, before).ends == {"staging": end}
    after: Ledgers = {"staging": chained(entry(ONE), entry(TWO, Mark.FAILED, NOW, "no"))}
    for ledgers in (after, {"staging": chained(entry(ONE), entry(TWO))}):
        found = with_memory(record_of(WANTED, BOTH, ledgers), memory, ledgers)
        assert found.ends == {}
    assert with_memory(record_of(WANTED, BOTH, before), memory, before, ["staging"]).ends == {}


def test_a_wait_for_staging_ends_when_staging_has_the_migrations() -> None:
    """Seen to fail: production still waited because `staging does not have 002_two yet`."""
    before: Ledgers = {"staging": chained(entry(ONE)), "production": HIDDEN}
    production = replace(PRODUCTION, after="staging")
    both = (STAGING, production)
    end = RunEnd(
        Stage.WAITING, "staging does not have 002_two yet", "apply it first", ("after",), run_url="https://x/1"
    )
    memory = memory_in(memory_text(replace(record_of(WANTED, both, before), ends={"production": end}), {}, before))
    other: Ledgers = {**before, "staging": chained(entry(ONE), entry(THREE))}
    assert with_memory(record_of(WANTED, both, other), memory, other).ends == {"production": end}
    after: Ledgers = {**before, "staging": chained(entry(ONE), entry(TWO))}
    found = with_memory(record_of(WANTED, both, after), memory, after)
    assert found.ends["production"].what == "its last run waited for staging, which has the migrations now"
    assert found.ends["production"].gates == ("ready",)
    assert "the next scheduled run continues it" in next_step(production, found).what
    assert with_memory(found, memory_in(memory_text(found, memory, after)), after).ends == found.ends


def test_a_refusal_to_apply_what_was_rolled_back_stays_a_rollback() -> None:
    ledgers: Ledgers = {"staging": chained(entry(TWO), entry(TWO, Mark.ROLLED_BACK))}
    end = RunEnd(Stage.BLOCKED, "002_two was rolled back", gates=("rolled-back",))
    assert replace(record_of(WANTED, BOTH, ledgers), ends={"staging": end}).stage(STAGING) is Stage.ROLLED_BACK


def test_the_comment_says_whether_it_is_based_on_later_entries() -> None:
    late: Ledgers = {"staging": chained(entry(ONE), entry(TWO))}
    early: Ledgers = {"staging": chained(entry(ONE))}
    memory = memory_in(memory_text(record_of(WANTED, BOTH, late), {}, late))
    assert newer_than(memory, early)
    assert not newer_than(memory, late)
    assert not newer_than(memory, {"staging": HIDDEN})


def test_what_is_not_a_memory_is_none() -> None:
    for text in ("", "no", "[]", '{"staging": {}}', '{"staging": {"last": 1, "cells": {"a": {"stage": "?"}}}}', "3"):
        assert memory_in(text) == {}


def test_a_long_memory_leaves_out_the_cells_but_not_their_stages() -> None:
    """Seen to fail: production waited for a release that had applied everything."""
    many = [migration(f"{n:03}_{'x' * 100}", f"1.{n}.0") for n in range(1, 301)]
    wanted = [MigrationRef(m.number, m.name) for m in many]
    both: Ledgers = {"staging": chained(entry(many[0])), "production": chained(*map(entry, many[:299]))}
    end = RunEnd(Stage.WAITING, "outside its window", gates=("window",))
    text = memory_text(replace(record_of(wanted, BOTH, both), ends={"production": end}), {}, both)
    memory = memory_in(text)
    assert (memory["production"].last, memory["production"].cells) == (299, {})
    now: Ledgers = {**both, "production": HIDDEN}
    found = with_memory(record_of(wanted, BOTH, now), memory, now)
    stages = [cell.stage for cell in found.cells(PRODUCTION).values()]
    assert stages == [Stage.APPLIED] * 299 + [Stage.WAITING]
    assert found.ends == {"production": end}
    again = memory_in(memory_text(found, memory, now))["production"]
    assert (again.last, again.spans, again.end) == (299, memory["production"].spans, end)

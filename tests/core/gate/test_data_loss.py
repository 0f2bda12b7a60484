"""The data that a rollback destroys: which SQL destroys it, how its count is shown, and who accepts it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.core.gate.data_loss import CountedLoss, Loss, accepted_steps, command_with, losses, unaccepted
from ctgitops.core.ledger.ledger import Ledger, Mark
from ctgitops.core.plan.plan import Plan
from ctgitops.core.plan.rollback import make_rollback
from ctgitops.errors import Place, UsageError
from ctgitops.sql.data_loss import Destroyed, DestructionKind
from tests.fakes import STAGING, chained, entry, migration

TABLE = Loss("001_one", Destroyed(DestructionKind.TABLE, '"public"."t"'), Place("a.sql"))
COLUMN = Loss("001_one", Destroyed(DestructionKind.COLUMN, '"public"."t"', '"c"'), Place("a.sql"))


@pytest.mark.parametrize(
    ("counted", "text"),
    [
        (CountedLoss(TABLE, 0), 'drops table "public"."t": 0 rows'),
        (CountedLoss(TABLE, 1), 'drops table "public"."t": 1 row'),
        (CountedLoss(COLUMN, 1), 'drops column "public"."t"."c": 1 value'),
        (CountedLoss(COLUMN, 1200), 'drops column "public"."t"."c": 1,200 values'),
        (CountedLoss(TABLE, 1200, exact=False), 'drops table "public"."t": about 1,200 rows'),
        (CountedLoss(TABLE, None), 'drops table "public"."t": the rows could not be counted'),
        (CountedLoss(COLUMN, None, note="why"), 'drops column "public"."t"."c": the values could not be counted (why)'),
        (
            CountedLoss(TABLE, 5, since=2),
            'drops table "public"."t": 5 rows, 2 of them written since the migration was applied',
        ),
        (
            CountedLoss(TABLE, 5, since=0),
            'drops table "public"."t": 5 rows, 0 of them written since the migration was applied',
        ),
        (
            CountedLoss(TABLE, 5, since=5),
            'drops table "public"."t": 5 rows, all of them written since the migration was applied',
        ),
        (CountedLoss(TABLE, 0, since=0), 'drops table "public"."t": 0 rows'),
        (CountedLoss(TABLE, 5, note="why"), 'drops table "public"."t": 5 rows (why)'),
        (CountedLoss(replace(TABLE, about=" from a to b"), 2), 'drops table "public"."t" from a to b: 2 rows'),
        (
            CountedLoss(replace(TABLE, what=Destroyed(DestructionKind.UNREADABLE, "DO")), None),
            "DO may destroy any data",
        ),
    ],
)
def test_a_loss_in_words(counted: CountedLoss, text: str) -> None:
    assert counted.text == text
    assert counted.matters is (counted.rows != 0)


def rollback_of(up: str, down: str) -> tuple[Loss, ...]:
    ledger = chained(entry(migration("001_one", sql=up, down=down)))
    return losses(make_rollback(STAGING, ledger, ledger.in_order), ledger)


@pytest.mark.parametrize(
    ("up", "down", "own"),
    [
        ("create table t (id int);", "drop table t;", True),
        ("create table public.t (id int);", "drop table t;", True),
        ("create table t (id int);", "drop table public.t;", True),
        ("create table s.t (id int);", "drop table t;", False),
        ("alter table t add column c int;", "alter table public.t drop column c;", True),
        ("alter table t add column d int;", "alter table t drop column c;", False),
        ("create table t (id int);", "alter table t drop column c;", True),
        ("alter table t add column c int;", "drop table t;", False),
        ("select 1;", "drop table t;", False),
    ],
)
def test_what_the_migration_created_itself_is_its_own(up: str, down: str, *, own: bool) -> None:
    (loss,) = rollback_of(up, down)
    assert loss.its_own is own
    assert loss.applied_at is not None
    assert loss.migration == "001_one"


def test_each_statement_that_destroys_has_its_place_and_only_some_rows_have_a_query() -> None:
    found = rollback_of("select 1;", "drop table a;\nselect 1;\ndelete from b where n > 5;\ndelete from c;\n")
    assert [loss.place.line for loss in found] == [1, 3, 4]
    assert [bool(loss.query) for loss in found] == [False, True, False]
    assert "n > 5" in found[1].query


NUMBERS = (1, 2, 3)


def plan_and_ledger(**headers: str) -> tuple[Plan, Ledger]:
    made = [migration(f"{n:03}_m", f"1.{n}.0", Rollback=headers.get(f"m{n}", "Available")) for n in NUMBERS]
    ledger = chained(*(entry(each) for each in made))
    return make_rollback(STAGING, ledger, ledger.in_order[::-1][:2]), ledger


def weighed(**rows: int | None) -> tuple[CountedLoss, ...]:
    return tuple(CountedLoss(replace(TABLE, migration=f"{n[1:]:0>3}_m"), count) for n, count in rows.items())


def test_each_migration_whose_data_is_lost_needs_an_acceptance() -> None:
    plan, ledger = plan_and_ledger()
    every = weighed(m3=4, m2=None)
    reasons = list(unaccepted(plan, every, ledger, frozenset()))
    assert [(r.gate, r.subject) for r in reasons] == [("data-loss", "003_m"), ("data-loss", "002_m")]
    assert [f"`--accept-data-loss {r.subject}`" in r.hint for r in reasons] == [True, True]
    assert "4 rows" in reasons[0].what
    assert "could not be counted" in reasons[1].what
    assert [r.subject for r in unaccepted(plan, every, ledger, frozenset({"003_m"}))] == ["002_m"]
    assert list(unaccepted(plan, every, ledger, frozenset({"3", "1.2.0"}))) == []
    assert list(unaccepted(plan, weighed(m3=0, m2=0), ledger, frozenset())) == []


def test_a_header_that_says_not_available_needs_an_acceptance_without_any_row() -> None:
    plan, ledger = plan_and_ledger(m2="Not Available")
    (reason,) = unaccepted(plan, weighed(m2=3), ledger, frozenset())
    assert reason.subject == "002_m"
    assert reason.what.index("Not Available") < reason.what.index("3 rows")


def test_only_migrations_of_the_rollback_can_be_accepted() -> None:
    plan, _ = plan_and_ledger()
    assert accepted_steps(plan, frozenset({"3", "002_m", "latest", ""})) == {2, 3}
    assert accepted_steps(plan, frozenset()) == frozenset()
    for wrong in ("1", "001_m", "9.9.9", "what"):
        with pytest.raises(UsageError, match="does not match a migration of this rollback") as refused:
            accepted_steps(plan, frozenset({wrong}))
        assert refused.value.hint == "the rollback includes: 003_m, 002_m"
        assert refused.value.state == "nothing was changed"


def test_the_command_accepts_exactly_what_would_be_refused() -> None:
    plan, ledger = plan_and_ledger()
    start = f"ctgitops rollback --env staging --to 001_m --fingerprint {plan.fingerprint[:12]}"
    assert command_with(plan, weighed(m3=0), ledger) == start
    assert command_with(plan, weighed(m2=1, m3=0), ledger) == f"{start} --accept-data-loss 002_m"
    assert command_with(plan, weighed(m2=1, m3=None), ledger) == (
        f"{start} --accept-data-loss 003_m --accept-data-loss 002_m"
    )


def test_a_migration_that_is_not_applied_has_no_header_and_no_date() -> None:
    plan, ledger = plan_and_ledger(m3="Not Available")
    rolled_back = chained(*ledger.entries, entry(migration("003_m"), Mark.ROLLED_BACK))
    assert list(unaccepted(plan, (), rolled_back, frozenset())) == []
    assert {loss.applied_at is None for loss in losses(plan, rolled_back) if loss.migration == "003_m"} == {True}

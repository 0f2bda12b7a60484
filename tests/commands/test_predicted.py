"""An apply whose result differs from the prediction is recorded, and blocks the environments that come after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ctgitops.commands.apply import apply
from ctgitops.commands.repair import accept
from ctgitops.core.environment.environment import Environment
from ctgitops.core.ledger.ledger import Mark
from ctgitops.core.run.outcome import Outcome, Status
from ctgitops.core.schema.compare import Added
from ctgitops.core.schema.prediction import Prediction
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.errors import UsageError
from tests.fakes import PRODUCTION, STAGING, Diary, chained, entry, migration, request, workspace

ONE, TWO = migration("001_one", "1.0.0"), migration("002_two", "1.1.0")
WORK = workspace(ONE, TWO)
TABLE = SchemaObject("table", "public.t", attributes={})
WITH_TABLE = Snapshot.of([TABLE])
TO_COME = Prediction(WITH_TABLE.fingerprint, (Added(TABLE),))
LATER = replace(PRODUCTION, after="staging", backup=None, windows=(), bake=timedelta())


def applied(diary: Diary, environment: Environment = STAGING, prediction: Prediction | None = None) -> Outcome:
    asked = replace(request(WORK, environment), prediction=prediction)
    return apply(asked, databases=diary, backups=diary, tell=diary.tell)


@pytest.fixture
def surprised() -> Diary:
    """A staging that got its migration, and not the table that was predicted."""
    diary = Diary({"staging": chained(entry(ONE)), "production": chained(entry(ONE))})
    outcome = applied(diary, prediction=TO_COME)
    assert (outcome.status, outcome.exit_status) == (Status.APPLIED, 1)
    return diary


def marks(diary: Diary) -> list[str]:
    return [f"{each.name} {each.mark}" for each in diary.ledgers["staging"].entries]


def test_a_prediction_is_written_ahead_of_the_migrations_and_what_came_of_it_behind_them(surprised: Diary) -> None:
    assert marks(surprised) == ["001_one applied", "prediction started", "002_two applied", "prediction failed"]
    diary = Diary({"staging": chained(entry(ONE))}, schemas={"staging": WITH_TABLE})
    assert applied(diary, prediction=TO_COME).exit_status == 0
    assert marks(diary)[-1] == "prediction repaired"


def test_without_a_prediction_nothing_of_it_is_on_record() -> None:
    diary = Diary({"staging": chained(entry(ONE))})
    applied(diary)
    assert marks(diary) == ["001_one applied", "002_two applied"]


def test_what_comes_after_it_waits_until_somebody_says_that_it_is_right(surprised: Diary) -> None:
    waits = applied(surprised, LATER)
    assert waits.status is Status.WAITING
    (reason,) = waits.reasons
    assert reason.gate == "after"
    assert reason.what.startswith("the schema of staging differs from the prediction of plan ")
    assert '`ctgitops repair --env staging --as-it-is --reason "…"`' in reason.hint
    accept(request(WORK), "003 puts it right", databases=surprised, tell=surprised.tell)
    assert surprised.ledgers["staging"].entries[-1].error == "003 puts it right"
    assert applied(surprised, LATER).status is Status.APPLIED


def test_the_environment_itself_goes_on_and_says_it(surprised: Diary) -> None:
    again = applied(surprised)
    assert (again.status, again.exit_status) == (Status.UP_TO_DATE, 0)
    assert [problem.code for problem in again.plan.problems] == ["not-as-predicted"]
    assert not again.plan.blocked


def test_a_schema_that_is_as_predicted_by_now_is_seen_by_the_next_apply(surprised: Diary) -> None:
    surprised.schemas["staging"] = WITH_TABLE
    assert applied(surprised).plan.problems == ()
    assert applied(surprised, LATER).status is Status.APPLIED


@pytest.fixture
def killed(surprised: Diary) -> Diary:
    """The same, but its run was killed before it had looked."""
    surprised.ledgers["staging"] = chained(*surprised.ledgers["staging"].entries[:-1])
    assert surprised.ledgers["staging"].entries[-1].mark is Mark.APPLIED
    return surprised


def test_a_run_that_was_killed_before_it_looked_holds_back_too(killed: Diary) -> None:
    (reason,) = applied(killed, LATER).reasons
    assert "the schema of staging was not compared with the prediction of plan" in reason.what
    assert "`ctgitops apply --env staging` compares the two" in reason.hint


def test_the_next_apply_looks_where_one_was_killed_and_fails_as_that_one_would_have(killed: Diary) -> None:
    again = applied(killed)
    assert (again.status, again.exit_status) == (Status.UP_TO_DATE, 1)
    assert marks(killed)[-1] == "prediction failed"
    assert applied(killed, LATER).status is Status.WAITING
    assert applied(killed).exit_status == 0


def test_what_came_although_its_run_was_killed_holds_nothing_back(killed: Diary) -> None:
    killed.schemas["staging"] = WITH_TABLE
    assert applied(killed).exit_status == 0
    assert marks(killed)[-1] == "prediction repaired"
    assert applied(killed, LATER).status is Status.APPLIED


def test_nothing_is_accepted_where_nothing_is_wrong() -> None:
    diary = Diary({"staging": chained(entry(ONE))})
    with pytest.raises(UsageError, match="staging has no open prediction"):
        accept(request(WORK), "all is well", databases=diary, tell=diary.tell)
    with pytest.raises(UsageError, match="needs a reason"):
        accept(request(WORK), " ", databases=diary, tell=diary.tell)

"""The health query runs before the first migration, and repeatedly after the last one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.commands.apply import apply
from ctgitops.core.environment.apply_policy import ApplyPolicy, Health, OnFailure
from ctgitops.core.environment.environment import Environment
from ctgitops.core.gate.health import HealthResult, HealthState
from ctgitops.core.run.outcome import Outcome, Status
from ctgitops.errors import ApplyError
from ctgitops.sql.script import Script
from tests.fakes import PRODUCTION, STAGING, Diary, chained, entry, migration, request, workspace

ONE, TWO = migration("001_one"), migration("002_two")
HEALTH = Health(Script("select true", "environments/staging.yaml", 9))
WATCHED = replace(STAGING, apply_policy=ApplyPolicy(health=HEALTH))
BACK = replace(STAGING, apply_policy=ApplyPolicy(health=HEALTH, on_failure=OnFailure.ROLLBACK))
WELL, UNWELL = HealthResult(HealthState.WELL), HealthResult(HealthState.UNWELL, "returned f instead of true")
UNKNOWN = HealthResult(HealthState.UNKNOWN, "no such table")


def applied(diary: Diary, environment: Environment = WATCHED) -> Outcome:
    work = workspace(ONE, TWO)
    return apply(request(work, environment), databases=diary, backups=diary, tell=diary.tell)


def test_what_is_well_before_and_after_is_applied() -> None:
    diary = Diary(healths=[WELL, WELL])
    assert applied(diary).status is Status.APPLIED
    assert diary.lines == [
        "lock",
        "read ledger",
        "snapshot staging",
        "ask for health",
        "recovery point",
        "apply 001",
        "apply 002",
        "watch health",
        "unlock",
    ]


def applied_again(diary: Diary) -> Status:
    """How the next run ends."""
    diary.healths = [WELL, WELL]
    return applied(diary, BACK).status


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (UNWELL, "staging is unhealthy before the apply: its health query returned f instead of true"),
        (UNKNOWN, "the health query of staging could not run: no such table"),
    ],
)
def test_what_is_not_well_or_not_known_before_starts_nothing(result: HealthResult, said: str) -> None:
    """Seen to fail with what is not known taken for well."""
    diary = Diary(healths=[result])
    outcome = applied(diary)
    assert (outcome.status, outcome.exit_status) == (Status.WAITING, 5)
    assert [reason.what for reason in outcome.reasons] == [said]
    assert diary.lines == ["lock", "read ledger", "snapshot staging", "ask for health", "unlock"]


def test_it_is_asked_again_after_a_backup_which_takes_long() -> None:
    environment = replace(PRODUCTION, apply_policy=WATCHED.apply_policy)
    diary = Diary({"staging": chained(entry(ONE), entry(TWO))}, healths=[WELL, UNWELL])
    outcome = applied(diary, environment)
    assert outcome.status is Status.WAITING
    assert outcome.receipt
    assert diary.lines[-3:] == ["back up production", "ask for health", "unlock"]


def test_where_nothing_is_to_do_nobody_asks() -> None:
    diary = Diary({"staging": chained(entry(ONE), entry(TWO))})
    assert applied(diary).status is Status.UP_TO_DATE
    assert diary.lines == ["lock", "read ledger", "unlock"]


def test_what_turns_false_fails_the_run_and_all_stays() -> None:
    diary = Diary(healths=[WELL, UNWELL])
    with pytest.raises(ApplyError, match="is no longer true: it returned f instead of true") as caught:
        applied(diary)
    error = caught.value
    assert error.exit_status == 6
    assert str(error.place) == "environments/staging.yaml:9"
    assert error.state == "001_one, 002_two applied in staging"
    assert "`ctgitops rollback --env staging --steps 2` rolls back this run" in error.hint
    assert (error.applied, error.rolled_back) == (("001_one", "002_two"), ())
    assert list(diary.ledgers["staging"].applied) == [1, 2]


def test_what_turns_false_is_taken_back_where_the_manifest_says_so() -> None:
    diary = Diary(healths=[WELL, UNWELL])
    with pytest.raises(ApplyError) as caught:
        applied(diary, BACK)
    assert caught.value.rolled_back == ("002_two", "001_one")
    assert caught.value.state.endswith("002_two and 001_one were rolled back, so nothing of this run is applied")
    assert "ctgitops rollback" not in caught.value.hint, "it would undo the migration before"
    assert '`ctgitops repair --again 001 002 --env staging --reason "…"`' in caught.value.hint
    assert applied_again(diary) is Status.BLOCKED
    assert not diary.ledgers["staging"].applied
    diary = Diary(healths=[WELL, UNWELL], others=1)
    with pytest.raises(ApplyError, match="no longer true") as caught:
        applied(diary, BACK)
    assert caught.value.rolled_back == ()
    assert list(diary.ledgers["staging"].applied) == [1, 2]


def test_what_nobody_could_ask_fails_the_run_and_takes_nothing_back() -> None:
    """Seen to fail with an error of the query taken for an answer."""
    diary = Diary(healths=[WELL, UNKNOWN])
    with pytest.raises(ApplyError, match="the health query of staging could not run at the end of the 300 s") as caught:
        applied(diary, BACK)
    assert caught.value.rolled_back == ()
    assert list(diary.ledgers["staging"].applied) == [1, 2]

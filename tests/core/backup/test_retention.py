"""Which backups retention removes, and the laws that no policy breaks."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.backup.retention import RetentionFacts, retention
from ctgitops.core.backup.stored_backup import StoredBackup
from ctgitops.core.environment.environment import Environment, KeepPolicy
from ctgitops.core.ledger.identity import Identity, Site
from ctgitops.core.ledger.ledger import Entry, Ledger, Mark
from ctgitops.core.ledger.open_prediction import ended, made
from ctgitops.core.schema.prediction import Prediction
from tests.fakes import chained, entry, migration

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
ENVIRONMENT = Environment("production", "URL")
ONE, TWO = migration("001_one", "1.0.0"), migration("002_two", "1.1.0")
LAST = KeepPolicy(last=1)


def backup(days: float, environment: str = "production") -> StoredBackup:
    taken = NOW - timedelta(days=days)
    return StoredBackup(f"{days}", f"at/{days}", environment=environment, taken_at=taken)


BACKUPS = tuple(backup(days) for days in (0.5, 1, 1.5, 3, 8, 15, 40, 41, 75))


def facts(*entries: Entry, **others: object) -> RetentionFacts:
    return replace(RetentionFacts(ENVIRONMENT, chained(*entries), NOW), **others)  # type: ignore[arg-type]


def stays(keep: KeepPolicy, given_facts: RetentionFacts | None = None) -> list[str]:
    return [each.backup.id for each in retention(keep, BACKUPS, given_facts or facts()) if each.stays]


def with_backup(made_entry: Entry, days: float) -> Entry:
    return replace(made_entry, receipt=json.dumps({"id": f"{days}"}))


@pytest.mark.parametrize(
    ("keep", "stay"),
    [
        (KeepPolicy(last=3), ["0.5", "1", "1.5"]),
        (KeepPolicy(days=8), ["0.5", "1", "1.5", "3"]),
        (KeepPolicy(weeks=3), ["0.5", "3", "15"]),
        (KeepPolicy(months=2), ["0.5", "40"]),
        (KeepPolicy(months=24), ["0.5", "40", "75"]),
        (KeepPolicy(last=2, months=2), ["0.5", "1", "40"]),
    ],
)
def test_a_backup_stays_if_one_key_says_so(keep: KeepPolicy, stay: list[str]) -> None:
    # 3 days before Wednesday the 25th is Sunday, in the week before
    assert stays(keep) == stay


def test_the_backup_of_the_newest_applied_and_of_the_newest_rolled_back_entry_stays() -> None:
    first, second = with_backup(entry(ONE), 75), with_backup(entry(TWO), 41)
    assert stays(LAST, facts(first, second)) == ["0.5", "41"]
    undone = with_backup(entry(TWO, Mark.ROLLED_BACK), 40)
    assert stays(LAST, facts(first, second, undone)) == ["0.5", "40", "41"]


def test_every_backup_of_an_unfinished_migration_stays() -> None:
    attempts = [with_backup(entry(ONE, Mark.STARTED), days) for days in (75, 41)]
    failed = with_backup(entry(ONE, Mark.FAILED), 15)
    assert stays(LAST, facts(attempts[0], failed, attempts[1])) == ["0.5", "41", "75"]
    done = with_backup(entry(ONE), 8)
    assert stays(LAST, facts(*attempts, done)) == ["0.5", "8"]
    again = with_backup(entry(ONE, Mark.STARTED), 3)
    undone = with_backup(entry(ONE, Mark.ROLLED_BACK), 15)
    assert stays(LAST, facts(*attempts, done, undone, again)) == ["0.5", "3", "8", "15"]


def test_the_backup_of_a_run_that_is_not_verified_yet_stays() -> None:
    predicted = made("a" * 64, (1,), Prediction("f" * 64, ()))
    applied = replace(with_backup(entry(ONE), 75), plan="a" * 64)
    newer = with_backup(entry(TWO), 41)
    assert stays(LAST, facts(predicted, applied, newer)) == ["0.5", "41", "75"]
    assert stays(LAST, facts(predicted, applied, ended("a" * 64, None), newer)) == ["0.5", "41"]


def test_the_backup_of_a_run_in_progress_stays_even_if_a_newer_one_was_taken_by_hand() -> None:
    assert stays(LAST, facts(run_began=NOW - timedelta(days=1))) == ["0.5", "1"]


def test_a_backup_younger_than_bake_stays() -> None:
    baking = facts(environment=replace(ENVIRONMENT, bake=timedelta(days=2)))
    assert stays(LAST, baking) == ["0.5", "1", "1.5"]


def test_a_backup_whose_time_is_in_the_future_does_not_take_the_place_of_the_newest() -> None:
    """Seen to fail: a backup of a machine whose clock was ahead was the newest, and the one just taken was removed."""
    ahead = backup(-30)
    decided = {each.backup.id: each.stays for each in retention(LAST, (*BACKUPS, ahead), facts())}
    assert decided.pop("-30") == "its time is in the future"
    assert decided.pop("0.5") == "it is the newest verified backup"
    assert set(decided.values()) == {""}


def test_what_has_no_receipt_of_this_environment_stays_and_does_not_count() -> None:
    foreign = backup(0.1, "staging")
    unreadable = StoredBackup("x", "at/x", unreadable="not a receipt")
    decided = {each.backup.id: each.stays for each in retention(LAST, (*BACKUPS, foreign, unreadable), facts())}
    assert decided["0.1"] == "it belongs to staging"
    assert decided["x"] == "its receipt cannot be read: not a receipt"
    assert decided["0.5"] == "it is the newest verified backup"


def test_a_receipt_in_the_ledger_that_is_not_one_refers_to_nothing() -> None:
    entries = [replace(entry(ONE), receipt=text) for text in ("[]", "{}", "no JSON", '{"id": null}')]
    assert stays(LAST, facts(*entries)) == ["0.5"]


keeps = st.builds(KeepPolicy, *(st.integers(0, 30) for _ in range(4)))
environments = st.sampled_from(["production", "production", "staging"])
stored = st.lists(
    st.builds(lambda minutes, where: backup(minutes / 1440, where), st.integers(-2000, 200_000), environments),
    max_size=20,
    unique_by=lambda each: each.id,
)
marks, migrations = st.sampled_from(list(Mark)), st.sampled_from([ONE, TWO])
referring = st.lists(st.tuples(st.integers(0, 20), marks, migrations), max_size=8)


@given(keeps, stored, referring, st.integers(0, 100))
def test_laws(keep: KeepPolicy, found: list[StoredBackup], entries: list[tuple[int, Mark, object]], bake: int) -> None:
    made_entries = [
        replace(entry(which, mark), receipt=json.dumps({"id": found[n].id}))  # type: ignore[arg-type]
        for n, mark, which in entries
        if n < len(found)
    ]
    environment = replace(ENVIRONMENT, bake=timedelta(days=bake))
    known = facts(*made_entries, environment=environment)
    decided = retention(keep, found, known)
    assert sorted(each.backup.id for each in decided) == sorted(each.id for each in found), "each is decided once"
    goes = [each.backup for each in decided if not each.stays]
    ours = [each.backup for each in decided if each.backup.environment == "production"]
    assert ours[:1] == [] or ours[0] not in goes, "the newest proved one stays"
    past = [each for each in ours if each.taken_at <= NOW]
    assert past[:1] == [] or past[0] not in goes, "the newest one without a wrong clock stays"
    assert all(each.environment == "production" for each in goes)
    assert all(each.taken_at <= NOW - timedelta(days=max(bake, keep.days)) for each in goes)
    applied = [e.receipt for e in made_entries if e.mark is Mark.APPLIED][-1:]
    assert not {json.loads(text or "{}")["id"] for text in applied} & {each.id for each in goes}
    left = [each for each in found if each not in goes]
    assert all(each.stays for each in retention(keep, left, known)), "a second run removes nothing more"
    larger = replace(keep, last=keep.last + 1)
    assert {e.backup.id for e in retention(larger, found, known) if not e.stays} <= {each.id for each in goes}


def test_migrations_after_a_backup() -> None:
    one, two = (replace(entry(each), finished_at=NOW - timedelta(days=days)) for each, days in ((ONE, 2), (TWO, 1)))
    undone = replace(entry(TWO, Mark.ROLLED_BACK), finished_at=NOW)
    ledger = chained(one, two, undone)
    assert backup(1.5).migrations_after(ledger) == ("002_two", "002_two (rolled-back)")
    assert backup(3).migrations_after(ledger)[0] == "001_one"
    assert backup(3).migrations_after(Ledger()) == ()


def test_a_backup_of_some_tables_does_not_replace_the_newest_whole_one() -> None:
    partial = replace(backup(0.1), whole=False)
    decided = {each.backup.id: each.stays for each in retention(LAST, (*BACKUPS, partial), facts())}
    assert decided["0.1"] == "it is the newest verified backup"
    assert decided["0.5"] == "it is the newest backup of the whole database"
    assert decided["1"] == ""


def test_a_backup_that_another_environments_ledger_refers_to_stays() -> None:
    restored = chained(with_backup(entry(ONE), 15))  # the ledger of a copy of this environment's database
    assert stays(LAST, facts(others={"staging": restored})) == ["0.5", "15"]


def test_backups_of_another_database_with_the_same_environment_name_stay_and_fill_no_quota() -> None:
    own = replace(chained(), identity=Identity(Site(1, 1, "app"), "ours"))
    theirs, mine = replace(backup(0.1), ledger_id="theirs"), replace(backup(1), ledger_id="ours")
    unknown, old = backup(2), replace(backup(3), ledger_id="ours")
    decided = retention(LAST, (theirs, mine, unknown, old), RetentionFacts(ENVIRONMENT, own, NOW))
    assert [each.stays for each in decided] == [
        "it belongs to another environment named production, whose ledger has the ID theirs",
        "it is the newest verified backup",
        "",
        "",
    ]


def test_a_backup_stays_until_its_lock_ends() -> None:
    locked = replace(backup(3), locked_until=NOW + timedelta(hours=1))
    free = replace(backup(2), locked_until=NOW)
    decided = retention(LAST, (backup(1), free, locked), facts())
    assert [each.stays for each in decided][1:] == ["", "its objects are locked until 2026-11-25 13:00 UTC"]

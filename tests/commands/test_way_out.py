"""The help after a failure changes a file only where no other environment has it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctgitops.commands.apply import apply
from ctgitops.core.environment.environment import DataPreflight
from ctgitops.errors import ApplyError, LedgerError
from tests.fakes import PRODUCTION, STAGING, Diary, chained, entry, migration, request, workspace

ONE = migration("001_one")
TWO = migration("002_two", sql="alter table t1\n  alter column x set not null;\n")
TARGET = replace(PRODUCTION, backup=None, data_preflight=DataPreflight.OFF)


def help_of(diary: Diary, sqlstate: str = "23502", environment: object = TARGET) -> str:
    diary.step_fails, diary.sqlstate = "002_two", sqlstate
    with pytest.raises(ApplyError) as caught:
        work = request(workspace(ONE, TWO), environment)  # type: ignore[arg-type]
        apply(work, databases=diary, backups=diary, tell=diary.tell)
    return caught.value.hint


def both() -> Diary:
    return Diary({"staging": chained(entry(ONE), entry(TWO)), "production": chained(entry(ONE))})


def test_rows_are_corrected_or_a_migration_goes_before() -> None:
    """Seen to fail with `correct the file`, which is refused as edited."""
    assert help_of(both()) == (
        "migrations/002_two.sql must not change, because it is applied in staging: correct the rows of production that "
        '`select * from "t1" where "x" is null;` finds, then run the same command again; or correct the rows in '
        'a migration that runs before this one: `ctgitops new "correct rows for 002" --fix --before 002`'
    )


def test_rows_are_looked_at_where_the_manifest_allows_it() -> None:
    diary = both()
    diary.rows = 3
    assert "is null" in help_of(diary, environment=replace(TARGET, data_preflight=DataPreflight.COUNTS))
    assert 'rows of "t1"' in diary.lines


def test_what_is_not_about_rows_is_put_right_there_or_done_by_hand() -> None:
    said = help_of(both(), "42P07")
    assert "remove the cause in production, then run the same command again" in said
    assert '`ctgitops repair 002 --env production --applied --reason "…"`' in said


@pytest.mark.parametrize("entries", [(entry(ONE),), (entry(ONE), replace(entry(TWO), checksum="sha256:other"))])
def test_where_no_other_environment_has_it_the_file_is_corrected(entries: tuple[object, ...]) -> None:
    diary = Diary({"production": chained(*entries), "staging": chained(entry(ONE))})  # type: ignore[arg-type]
    assert help_of(diary, environment=STAGING) == "correct the file"


def test_what_the_database_has_already_is_recorded_or_taken_over() -> None:
    """Seen to fail with `correct the file` alone, for a file that is right."""
    diary = Diary({"staging": chained(entry(ONE))})
    assert help_of(diary, "42P07", STAGING) == (
        "correct the file; or, if the database already has the objects that the file creates, record this: "
        '`ctgitops repair 002 --env staging --applied --reason "…"`'
    )
    first = Diary({"staging": chained()})
    first.step_fails, first.sqlstate = "001_one", "42P07"
    with pytest.raises(ApplyError) as caught:
        apply(request(workspace(ONE, TWO), STAGING), databases=first, backups=first, tell=first.tell)
    assert caught.value.hint == (
        "correct the file; or, if the database is older than ctgitops, `ctgitops plan --env staging` suggests "
        "a baseline"
    )


def test_an_environment_that_cannot_be_read_is_named() -> None:
    other = replace(STAGING, name="qa", after=None)
    diary = Diary({"staging": chained(entry(ONE))}, unreachable={"qa": LedgerError("no answer")})
    diary.step_fails, diary.sqlstate = "002_two", "23502"
    work = replace(workspace(ONE, TWO), environments=(STAGING, other, PRODUCTION))
    diary.unreachable["production"] = LedgerError("not from here")
    with pytest.raises(ApplyError) as caught:
        apply(request(work), databases=diary, backups=diary, tell=diary.tell)
    assert caught.value.hint.startswith("if qa, which could not be read, has not applied that file: correct the file;")

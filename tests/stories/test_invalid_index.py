"""An INVALID index does not stop a deploy: it is named, and what a run of ours left is dropped before the backup."""

from __future__ import annotations

import pytest

from tests.servers import fetch, run
from tests.stories.house import House

BACKUP = 'backup: {to: backups, verify_server: "${VERIFY_URL}"}\n'
INDEX = "create unique index concurrently t_id on t (id);"
INVALID = "select from pg_index where not indisvalid"


@pytest.fixture
def backed_up(house: House, database_url: str) -> House:
    """A house whose backups are proved on the tests' server, with a table that has the same row twice."""
    house.environment("staging", database_url, BACKUP)
    house.secrets["VERIFY_URL"] = database_url
    run(database_url, "create table t (id int); insert into t values (1), (1)")
    return house


@pytest.mark.slow
def test_somebody_elses_is_named_in_plan_outcome_and_receipt(backed_up: House, database_url: str) -> None:
    with pytest.raises(Exception, match="could not create unique index"):
        run(database_url, INDEX)
    backed_up.migration("001_x", "create table x (id int primary key);")
    line = "index public.t_id on public.t: it is INVALID"
    for form in ("text", "markdown"):
        assert "t_id on public.t: it is INVALID" in backed_up.plan("--format", form).out.replace("\\", "")
    assert backed_up.plan("--format", "json").json["not_in_backup"] == [line]
    applied = backed_up.applied("--format", "json").json
    assert applied["receipt"]["not_in_backup"] == [line]
    backed_up.migration("002_y", "create table y (id int primary key);")
    assert f"not in the backup: {line}" in backed_up.applied().words
    assert fetch(database_url, INVALID)


@pytest.mark.slow
def test_what_our_own_build_left_is_dropped_before_the_backup(backed_up: House, database_url: str) -> None:
    backed_up.migration("001_index", INDEX)
    assert backed_up.apply().status == 6
    assert fetch(database_url, INVALID)
    run(database_url, "delete from t where ctid = (select min(ctid) from t)")
    done = backed_up.applied("--format", "json")
    heard = done.err
    assert heard.index("which an interrupted statement left INVALID, was dropped") < heard.index("backup: dumping")
    assert done.json["receipt"]["not_in_backup"] == []
    assert not fetch(database_url, INVALID)
    assert fetch(database_url, "select from pg_index where indexrelid = 't_id'::regclass and indisvalid")


@pytest.mark.slow
def test_a_build_that_fails_again_and_again_is_not_in_its_own_way(backed_up: House, database_url: str) -> None:
    backed_up.migration("001_index", INDEX)
    for _ in range(3):
        assert backed_up.apply().status == 6
    assert len(fetch(database_url, INVALID)) == 1

"""The comment `-- ctgitops: batch …`, and which statements can run in batches."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ctgitops.sql.batch import Batch, sized, waiting_for_all
from ctgitops.sql.parse import batch_shape
from ctgitops.sql.script import Script

UPDATE = """with batch as (select id from t where n is null limit $1 for update skip locked)
update t set n = 1 from batch where t.id = batch.id;"""


def script(line: str, sql: str = UPDATE) -> Script:
    return Script(f"-- ctgitops: batch {line}\n{sql}", "migrations/002_x.sql")


def test_every_key_is_read() -> None:
    assert script("size=5000 pause=50ms max_lag=3s for=30min max_rows=9").batch == Batch(
        5000, timedelta(milliseconds=50), timedelta(seconds=3), True, timedelta(minutes=30), 9
    )
    assert script("size=10").batch == Batch(10, timedelta(milliseconds=100), timedelta(seconds=10))
    assert not script("size=10").transactional
    assert Script(UPDATE, "x").batch is None


@pytest.mark.parametrize(
    ("line", "sql", "words"),
    [
        ("", UPDATE, "the batch directive has no size"),
        ("size=0", UPDATE, "`size=0` is not a number of rows"),
        ("size=1e3", UPDATE, "`size=1e3` is not a number of rows"),
        ("size=5 pause=soon", UPDATE, "`pause=soon` is not a duration"),
        ("size=5 sice=4", UPDATE, "unknown batch parameter `sice`"),
        ("size=5\n-- ctgitops: batch size=6", UPDATE, "the file has a second line `ctgitops: batch`"),
        ("size=5", "update t set n = 1;", "no `LIMIT $1` limits the batch to its size"),
        ("size=5", "update t set n = 1 where id in (select id from t limit 10);", "no `LIMIT $1` limits the batch"),
        ("size=5", "update t set n = 1 where id in (select id from t limit $1);", "would process the same rows"),
        ("size=5", "insert into u select * from t limit $1;", "every batch would process the same rows"),
        ("size=5", f"{UPDATE} select 1;", "must be one statement, but this file has 2"),
        ("size=5", "select 1 from t limit $1;", "a batched migration must be an UPDATE, DELETE or INSERT"),
        ("size=5", "with x as (delete from t where id in (select 1 limit $1)) select 1;", "must be an UPDATE, DELETE"),
        ("size=5", UPDATE.replace("n = 1", "n = $2"), "a batch has only the parameter `$1`"),
        ("size=5", "vacuum t;", "a batched migration must be an UPDATE, DELETE or INSERT"),
    ],
)
def test_what_is_no_batch_is_told(line: str, sql: str, words: str) -> None:
    made = script(line, sql)
    assert any(words in fault.what for fault in made.batch_faults), made.batch_faults
    assert made.batch is None


@pytest.mark.parametrize(
    "sql",
    [
        "delete from t where ctid in (select ctid from t limit $1);",
        "with moved as (delete from t where id in (select id from t limit $1) returning *) insert into u table moved;",
        "insert into u select * from t where not exists (select from u where u.id = t.id) limit $1;",
    ],
)
def test_what_shrinks_what_is_left_is_a_batch(sql: str) -> None:
    assert script("size=5", sql).batch_faults == ()


def test_the_size_goes_where_the_parameter_stands_and_nowhere_else() -> None:
    text = "update t set v = '$1 ü', w = $$ $1 $$ where id in (select id from t where v <> '$1' limit $1) -- $1"
    made = sized(text, batch_shape(text), 77)
    assert made == text.replace("limit $1", "limit 77")


def test_what_skips_locked_rows_is_asked_once_more_without() -> None:
    text = "update t set v = 'skip locked' where id in (select id from t for update SKIP  LOCKED) -- skip locked"
    assert waiting_for_all(text) == text.replace("SKIP  LOCKED", "")
    assert waiting_for_all("delete from t") == "delete from t"
    text = "select E'\\' skip locked' from t for update skip /* all */ locked"
    assert waiting_for_all(text) == "select E'\\' skip locked' from t for update "

"""Which index builds may run at the same time: laws over random files."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ctgitops.sql.parallel_builds import ALONE, most_builds, next_build, segments, table_built_on
from ctgitops.sql.script import Script

tables = st.sampled_from(["a", "b", "c", 's."D d"'])
builds = st.one_of(
    st.builds("create index concurrently i{} on {} (x)".format, st.integers(0, 4), tables),
    st.builds("create unique index concurrently if not exists i{} on {} ((x + 1))".format, st.integers(0, 4), tables),
    st.builds("reindex (verbose) table concurrently {}".format, tables),
)
barriers = st.sampled_from(
    [
        "select 1",
        "create index i1 on a (x)",
        "create index concurrently on a (x)",
        "drop index concurrently i1",
        "reindex index concurrently i1",
        "reindex schema concurrently s",
        "reindex table a",
        "alter table a validate constraint c",
        "set lock_timeout = 0",
        "vacuum a",
    ]
)
files = st.lists(st.one_of(builds, builds, barriers), min_size=1, max_size=9)


def script_of(texts: list[str]) -> Script:
    return Script(";\n".join(texts) + ";", "migrations/002_x.sql")


@given(files)
def test_segments_keep_every_statement_in_file_order_and_barriers_alone(texts: list[str]) -> None:
    statements = script_of(texts).statements
    found = segments(statements)
    assert [position for segment in found for position in segment] == list(range(1, len(texts) + 1))
    for segment in (each for each in found if len(each) > 1):
        some = [statements[n - 1] for n in segment]
        assert all(table_built_on(each) != ALONE for each in some)
        names = [each.leftovers.name for each in some if each.leftovers and each.kind == "IndexStmt"]
        assert len(names) == len(set(names))


@given(st.lists(barriers, min_size=1, max_size=5))
def test_without_builds_there_is_nothing_to_run_at_the_same_time(texts: list[str]) -> None:
    assert segments(script_of(texts).statements) == tuple((n,) for n in range(1, len(texts) + 1))
    assert most_builds(script_of(texts).statements) == 1


@given(st.lists(st.sampled_from(["a", "b", "c", ALONE]), max_size=8), st.integers(1, 4), st.data())
def test_a_schedule_runs_each_build_once_and_those_of_one_table_in_order(
    of: list[str], lanes: int, data: st.DataObject
) -> None:
    """The law: in any order of completion, nothing is lost, and what depends on another starts after its end."""
    tables = dict(enumerate(of, start=1))
    waiting = list(tables)
    running: list[int] = []
    ended: list[int] = []
    started: list[int] = []
    while waiting or running:
        while len(running) < lanes and (position := next_build(waiting, running, tables)) is not None:
            earlier = [
                n
                for n in tables
                if n < position and (tables[n] == tables[position] or ALONE in (tables[n], tables[position]))
            ]
            assert set(earlier) <= set(ended)
            waiting.remove(position)
            running.append(position)
            started.append(position)
        assert running
        done = data.draw(st.sampled_from(running))
        running.remove(done)
        ended.append(done)
    assert sorted(ended) == sorted(tables)
    if lanes == 1:
        assert started == sorted(tables)


def test_the_most_builds_are_the_tables_of_one_segment() -> None:
    a, b, c = (f"create index concurrently i_{t} on {t} (x)" for t in "abc")
    assert most_builds(script_of([a, b, c]).statements) == 3
    assert most_builds(script_of([a, "vacuum a", b]).statements) == 1
    assert most_builds(script_of([a, "reindex table concurrently a"]).statements) == 1
    assert most_builds(script_of([a, "create index concurrently i_a on b (x)"]).statements) == 1

"""A plan never calls a lock instant while work of a size that it did not measure runs under it."""

from __future__ import annotations

import pytest

from tests.servers import run
from tests.stories.house import House

BIG = """
create table small (id int); create table big as select g id, g % 7 k, false flag from generate_series(1, 400000) g;
create function counted() returns bigint language plpgsql as $$ begin return (select count(*) from big); end $$;
analyze; update pg_class set reltuples = 40000000, relpages = 250000 where oid = 'big'::regclass
"""
LOCK = "alter table small add column if not exists a{} int;\n"
WORK = [
    ("update big set flag = true;", "long"),
    ("insert into small (id) select id from big;", "long"),
    ("create table copied as select * from big; create index on copied (id);", "long"),
    ("create materialized view counts as select k, count(*) from big group by k;", "long"),
    ("do $$ begin perform count(*) from big; end $$;", "long"),
    ("with gone as (delete from big where k = 3 returning id) select count(*) from gone;", "long"),
    ("do $$ begin if exists (select from big where k = 9) then perform 1; end if; end $$;", "unknown"),
    ("select counted();", "unknown"),
    ("insert into small (id) values (4);", "instant"),
]


@pytest.mark.slow
def test_a_change_of_data_alone_has_a_size_and_a_problem_if_it_exceeds_the_timeout(
    lived_in: House, database_url: str
) -> None:
    run(database_url, BIG)
    lived_in.environment("staging", database_url, "shadow: {extensions: []}\ntimeouts: {statement: 1s}\n")
    lived_in.migration("002_work", "update big set flag = true;")
    plan = lived_in.plan()
    assert "updates up to 40 M rows of big on line 1: other changes to these rows wait until the commit" in plan.said
    assert "no blocking" not in plan.said
    assert "error[statement-timeout]" in plan.said
    assert plan.status == 1


@pytest.mark.slow
def test_all_work_under_a_lock_counts(lived_in: House, database_url: str) -> None:
    run(database_url, BIG)
    lived_in.environment("staging", database_url, "shadow: {extensions: []}\n")
    for number, (sql, _) in enumerate(WORK, 2):
        lived_in.migration(f"{number:03}_work", LOCK.format(number) + sql)
    plan = lived_in.plan("--format", "json").json
    kinds = {None: "unknown", "instant": "instant"}
    found = [kinds.get(step["waits"][0]["for"], "long") for step in plan["steps"]]
    assert found == [kind for _, kind in WORK]
    text = lived_in.plan().said
    assert text.count("(instant)") == 1
    assert text.count("time not known") >= 2
    problems = [problem for problem in plan["problems"] if problem["code"] == "work-under-lock"]
    findings = [each for step in plan["steps"] for each in step["findings"] if each["rule"] == "work-under-lock"]
    told = {each["place"]["path"] for each in (*problems, *findings)}
    assert told == {f"migrations/{n:03}_work.sql" for n in range(2, 2 + len(WORK) - 1)}

"""Rollback from the SQL in the ledger: newest first, each step together with its entry or not at all."""

from __future__ import annotations

import pytest

from tests.servers import fetch, run
from tests.stories.house import Facts, House, facts, has, marks


@pytest.fixture
def stairs(lived_in: House, database_url: str) -> Facts:
    """Three more migrations on top of the first; returns what was there before them."""
    before = facts(database_url)
    lived_in.migration(
        "002_two",
        "create table two (id int); insert into two values (1);",
        down="drop table two;",
    )
    lived_in.migration("003_column", "alter table one add column word text;", down="alter table one drop column word;")
    lived_in.migration(
        "004_view", "create view words as select word from one;", down="drop view words;", verify="select true;"
    )
    lived_in.applied()
    return before


def back(house: House, *arguments: str) -> tuple[int, str]:
    done = house.run("rollback", "--env", "staging", *arguments)
    return done.status, done.words


def without_dropped(found: Facts) -> Facts:
    return [fact for fact in found if "pg.dropped" not in str(fact)]


def test_it_leads_back_to_what_was_there(lived_in: House, database_url: str, stairs: Facts) -> None:
    status, said = back(lived_in, "--to", "1", "--accept-data-loss", "002_two")
    assert status == 0, said
    assert "3 migrations rolled back" in said
    assert without_dropped(facts(database_url)) == stairs
    assert marks(database_url)[-3:] == ["004_view rolled-back", "003_column rolled-back", "002_two rolled-back"]
    assert "rolled back" in lived_in.run("status").out
    held = lived_in.apply()
    assert held.status == 4, held.said
    assert "error[rolled-back]: 002_two was rolled back on " in held.said
    assert lived_in.run("repair", "--again", "002", "003", "004", "--env", "staging", "--reason", "fixed").status == 0
    lived_in.applied()
    assert marks(database_url)[-3:] == ["002_two applied", "003_column applied", "004_view applied"]
    assert has(database_url, "words")


@pytest.mark.slow
def test_it_needs_no_file(lived_in: House, database_url: str, stairs: Facts) -> None:
    for name in ("002_two", "003_column", "004_view"):
        lived_in.remove(name, f"{name}.down")
    lived_in.remove("004_view.verify")
    lived_in.write("migrations/002_broken.sql", "this is not SQL")
    status, said = back(lived_in, "--steps", "3", "--accept-data-loss", "002_two")
    assert status == 0, said
    assert without_dropped(facts(database_url)) == stairs


@pytest.mark.usefixtures("stairs")
@pytest.mark.slow
def test_the_newest_is_undone_first_and_steps_are_counted(lived_in: House, database_url: str) -> None:
    assert back(lived_in, "--steps", "1")[0] == 0
    assert not has(database_url, "words")
    assert marks(database_url)[-1] == "004_view rolled-back"
    assert back(lived_in, "--to", "2")[0] == 0
    assert marks(database_url)[-1] == "003_column rolled-back"
    assert has(database_url, "two")


@pytest.mark.usefixtures("stairs")
@pytest.mark.slow
def test_one_that_fails_leaves_the_rest_applied(lived_in: House, database_url: str) -> None:
    run(database_url, "create view holds as select * from two")
    status, said = back(lived_in, "--to", "1", "--accept-data-loss", "002_two")
    assert status == 6, said
    assert "002_two" in said
    assert "SQLSTATE 2BP01" in said
    assert "004_view, 003_column done; 002_two left no trace" in said
    assert has(database_url, "two")
    assert marks(database_url)[-2:] == ["003_column rolled-back", "002_two failed"]
    run(database_url, "drop view holds")
    assert back(lived_in, "--to", "1", "--accept-data-loss", "002_two")[0] == 0
    assert not has(database_url, "two")


@pytest.mark.slow
@pytest.mark.usefixtures("stairs")
def test_what_has_no_way_back_stops_all_of_it(lived_in: House, database_url: str) -> None:
    before = facts(database_url), marks(database_url)
    status, said = back(lived_in, "--to", "0")
    assert status == 4, said
    assert "001_one is IRREVERSIBLE" in said
    assert "ctgitops restore" in said
    assert (facts(database_url), marks(database_url)) == before


@pytest.mark.usefixtures("stairs")
@pytest.mark.slow
def test_an_approved_plan_is_asked_for_here_too(lived_in: House, database_url: str) -> None:
    before = facts(database_url), marks(database_url)
    assert back(lived_in, "--steps", "1", "--fingerprint", "0" * 12)[0] == 5
    assert (facts(database_url), marks(database_url)) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "77"),
        *(pytest.param(each, marks=pytest.mark.slow) for each in ((), ("--to", "1", "--steps", "1"), ("--steps", "0"))),
    ],
)
def test_nonsense_is_refused(lived_in: House, database_url: str, arguments: tuple[str, ...]) -> None:
    before = facts(database_url), marks(database_url)
    status, said = back(lived_in, *arguments)
    assert status == 2, said
    assert (facts(database_url), marks(database_url)) == before


@pytest.mark.usefixtures("stairs")
@pytest.mark.slow
def test_it_is_backed_up_first(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, "backup: {to: backups}\n")
    status, said = back(lived_in, "--steps", "1")
    assert status == 0, said
    query = "select mark, receipt ->> 'tables' from ctgitops.ledger order by id desc limit 1"
    assert fetch(database_url, query)[0][0] == "rolled-back"
    assert len(list((lived_in.root / "backups").rglob("receipt.json"))) == 1


@pytest.mark.slow
def test_an_index_is_dropped_concurrently(lived_in: House, database_url: str) -> None:
    lived_in.migration(
        "002_index",
        "create index concurrently one_by_id on one (id);",
        down="drop index concurrently one_by_id;",
    )
    lived_in.applied()
    status, said = back(lived_in, "--steps", "1")
    assert status == 0, said
    assert not has(database_url, "one_by_id")
    assert marks(database_url)[-1] == "002_index rolled-back"
    assert lived_in.plan("--format", "json").json["steps"][0]["name"] == "002_index"

"""`history` shows every run, the schema after each migration, and what it could not find out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.report.test_json import valid
from tests.servers import run
from tests.stories.house import House
from tests.stories.test_ledger_formats import older as older  # noqa: PLC0414 - a fixture

pytestmark = pytest.mark.slow

NAME = "</script><img src=x onerror=alert(1)>\u202e"
TABLES = """create table public.users (id bigint primary key, email text not null);
create table public.posts (id bigint primary key, author bigint references public.users);"""


def told(house: House, *arguments: str) -> dict[str, Any]:
    done = house.run("history", "--format", "json", *arguments)
    assert done.status == 0, done.said
    return valid("history", done.out)


def changed(found: dict[str, Any], node: int) -> list[str]:
    """What a schema adds, removes or alters."""
    return [
        f"{side} {each[side]['name']}"
        for each in found["schemas"][node]["changes"]
        for side in each
        if side != "before"
    ]


def results(found: dict[str, Any], at: int = 0) -> list[str]:
    return [each["result"] for each in found["environments"][at]["runs"]]


@pytest.fixture
def eventful(house: House, database_url: str) -> House:
    """An environment with a rollback, a changed file, a failure, a password, a hostile name, and a change by hand."""
    house.policy("header: optional\nnumbering: increasing\n")
    house.environment("staging", database_url)
    house.environment("production", "postgresql://127.0.0.1:1/none")
    house.migration("001_tables", TABLES, down="drop table public.posts, public.users;")
    house.applied()
    house.migration("002_note", "alter table public.users add note text;", down="alter table public.users drop note;")
    house.applied()
    assert house.run("rollback", "--env", "staging", "--steps", "1", "--accept-data-loss", "002").status == 0
    house.migration("002_note", "alter table public.users add note varchar(80);")
    house.migration("003_bad", "select 1 / 0;")
    assert house.apply().status == 6
    house.remove("003_bad")
    house.migration(
        "004_role", f"create role history_keeper password 'hunter2'; create table public.\"{NAME}\" (id int);"
    )
    house.applied()
    run(database_url, "create index by_hand on public.users (email)")
    return house


def test_runs_schemas_and_drift(eventful: House) -> None:
    done = eventful.run("history", "--html", "page.html", "--format", "json")
    assert done.status != 0, "production cannot be read"
    found = valid("history", done.out)
    staging, production = sorted(found["environments"], key=lambda each: str(each["environment"]), reverse=True)
    assert production["unreadable"]["what"]
    assert [each["result"] for each in staging["runs"]] == ["applied", "applied", "rolled-back", "failed", "applied"]
    assert staging["drift"]["state"] == "drift"
    assert [each["added"]["name"] for each in staging["drift"]["changes"]] == ["public.by_hand"]

    nodes = [entry["schema"] for each in staging["runs"] for entry in each["entries"] if entry["number"] is not None]
    assert nodes[2] == nodes[0], "a rollback returns to the schema before"
    assert [each["unknown"] for each in found["schemas"]] == [""] * len(found["schemas"])
    assert changed(found, nodes[1]) == changed(found, nodes[3]) == ["added public.users.note"]
    assert staging["schema"] == nodes[-1] != nodes[3]

    page = (eventful.root / "page.html").read_text(encoding="utf-8")
    assert "hunter2" not in page + done.out
    assert "<img" not in page
    assert "\u202e" not in page
    assert page.count("</script>") == page.count("<script")


def test_without_a_throw_away_server_the_runs_are_still_there(house: House, database_url: str) -> None:
    house.environment("staging", database_url)
    house.migration("001_tables", TABLES)
    house.applied()
    found = told(house, "--no-shadow")
    assert found["without_schemas"] == "the schemas were not rebuilt, because of `--no-shadow`"
    assert found["environments"][0]["drift"]["state"] == "not-checked"
    assert results(found) == ["applied"]


def test_a_migration_that_cannot_be_replayed_makes_the_rest_unknown(house: House, database_url: str) -> None:
    house.environment("staging", database_url)
    house.migration("001_tables", TABLES)
    house.applied()
    run(database_url, "create table public.found_here ()")
    house.migration("002_needs_it", "alter table public.found_here add note text;")
    house.migration("003_more", "create table public.more ();")
    house.applied()
    found = told(house)
    assert [bool(each["unknown"]) for each in found["schemas"]] == [False, False, True, True]
    assert "found_here" in found["schemas"][2]["unknown"]
    assert found["environments"][0]["drift"]["state"] == "unknown"


def test_a_partially_applied_migration_has_no_schema(house: House, database_url: str) -> None:
    house.environment("staging", database_url)
    house.migration("001_tables", TABLES)
    house.applied()
    house.migration(
        "002_index",
        "create index concurrently a on public.users (id);\ncreate index concurrently a on public.users (id);",
    )
    assert house.apply().status == 6
    found = told(house)
    (staging,) = found["environments"]
    assert staging["unfinished"] == ["002_index"]
    assert staging["schema"] is None
    assert results(found) == ["applied", "failed"]
    assert staging["drift"]["state"] == "unknown"
    assert "UNFINISHED: 002_index" in house.run("history").out


def test_a_baseline_and_its_accepted_differences(house: House, database_url: str) -> None:
    house.environment("staging", database_url)
    run(database_url, TABLES + "alter table public.users add legacy text;")
    house.migration("001_tables", TABLES)
    arguments = ("baseline", "--env", "staging", "--at", "001", "--accept-differences", "the old column")
    assert house.run(*arguments).status == 0
    found = told(house)
    assert results(found) == ["baselined"]
    assert found["environments"][0]["drift"]["state"] == "none"
    assert [each["name"] for each in found["texts"]] == ["001_tables"]


def test_a_ledger_of_an_older_format(older: House) -> None:
    found = told(older)
    assert results(found)[-1] == "applied"
    assert found["environments"][0]["migrations"] == 1
    assert found["schemas"][1]["changes"]


def test_the_text_and_the_page_of_a_database_without_a_ledger(house: House, database_url: str) -> None:
    house.environment("staging", database_url)
    assert house.run("history").out == "staging: no ledger, so no history\n"
    assert json.loads(house.run("history", "--format", "json").out)["environments"][0]["runs"] == []
    assert house.run("history", "--format", "markdown").out == "### staging: no ledger, so no history\n\n"

"""A migration deprecates a column, `status` lists it, and lint reports a migration that drops it too early."""

from __future__ import annotations

from datetime import date

import pytest

from ctgitops.core.migration.deprecation import deprecations_in
from ctgitops.core.migration.schema_version import SchemaVersion
from ctgitops.sql.script import Script
from tests.report.test_json import valid
from tests.stories.house import House

RULE = "header: optional\nlint: {dropped-without-deprecation: error}\n"
NOTE = "-- ctgitops: deprecates orders.note (remove after {})\ncomment on column orders.note is 'deprecated';"


def test_status_lists_what_is_deprecated_until_it_is_dropped(house: House, database_url: str) -> None:
    house.policy(RULE)
    house.migration("001_orders", "create table orders (id int, note text, old text);")
    house.migration("002_note", NOTE.format("2020-01-31"))
    house.environment("staging", database_url)
    house.applied()
    status = house.run("status", "--env", "staging", "--format", "json")
    (listed,) = valid("status", status.out)["environments"][0]["deprecations"]
    assert (listed["object"], listed["remove_after"], listed["migration"]) == ("orders.note", "2020-01-31", "002_note")
    assert "orders.note remove after 2020-01-31, deprecated by 002_note staging since" in house.run("status").words
    history = house.run("history", "--format", "json", "--no-shadow")
    assert valid("history", history.out)["environments"][0]["deprecations"] == [listed]
    assert "deprecated: orders.note, remove after 2020-01-31" in house.run("history").words
    house.migration("003_other", "alter table orders alter note drop default; select 'note' from orders;")
    house.applied()
    assert "deprecated by" in house.run("status").words
    house.migration("004_drop", "alter table orders drop column note;")
    plan = house.plan()
    assert plan.status == 0, plan.said
    house.applied()
    assert "deprecated by" not in house.run("status").words


@pytest.mark.parametrize(
    ("deprecation", "dropped", "said"),
    [
        ("", "note", "drops `orders.note`, which no earlier migration deprecates"),
        (NOTE.format("2999-01-31"), "note", "drops `orders.note`, which is to be removed after 2999-01-31"),
        (NOTE.format("1.0.0"), "note", "which is to be removed after 1.0.0, and the migration has no version"),
        (NOTE.format("2020-01-31"), "old", "drops `orders.old`, which no earlier migration deprecates"),
    ],
)
def test_a_plan_fails_if_a_column_is_dropped_too_early(
    house: House, database_url: str, deprecation: str, dropped: str, said: str
) -> None:
    house.policy(RULE)
    house.migration("001_orders", "create table orders (id int, note text, old text);")
    house.migration("002_note", f"{deprecation}\nselect 1;")
    house.environment("staging", database_url)
    house.applied()
    house.migration("003_drop", f"alter table orders drop column {dropped};")
    plan = house.plan()
    assert (plan.status, said in plan.words) == (1, True), plan.said
    check = house.run("check")
    assert (check.status, said in check.words) == (1, True), check.said
    house.policy("header: optional\n")
    assert "dropped-without-deprecation" not in house.plan().said


def test_a_deprecation_that_is_not_valid_is_a_problem(house: House, database_url: str) -> None:
    house.migration("001_orders", "-- ctgitops: deprecates orders.note\ncreate table orders (id int);")
    house.environment("staging", database_url)
    run = house.run("check")
    assert (run.status, "error[deprecates]" in run.said) == (3, True), run.said


def test_a_header_names_several_objects_with_versions_and_days() -> None:
    line = "-- Deprecates: public.Orders.note (remove after 1.8.0), old (remove after 2027-01-31)"
    found = deprecations_in(Script(f"{line}\nselect '\n-- Deprecates: x';", "001_a.sql"))
    assert [(each.object, each.after) for each in found] == [
        ("public.orders.note", SchemaVersion(1, 8, 0)),
        ("old", date(2027, 1, 31)),
    ]
    assert found[0].refusal(SchemaVersion(1, 8, 0), date.min) == "is to be removed after 1.8.0"
    assert found[0].refusal(SchemaVersion(1, 8, 1), date.min) == ""
    assert found[1].refusal(None, date(2027, 1, 31)) != ""
    assert found[1].refusal(None, date(2027, 2, 1)) == ""

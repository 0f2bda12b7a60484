"""A rollback reports the data that it destroys, with counts, and destroys none that was not accepted by name."""

from __future__ import annotations

import re
import shlex

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import base_for_servers, fetch, programs_for_tests, run
from tests.stories.house import House, facts, has, marks, transaction

TRIED = "shadow: {}\n"
BACK = ("rollback", "--env", "staging")


def notes(house: House, *, down: str = "drop table notes; alter table one drop column word;", head: str = "") -> None:
    house.migration(
        "002_notes", f"{head}create table notes (id int);\nalter table one add column word text;", down=down
    )
    house.applied()


@pytest.mark.slow
def test_nothing_is_destroyed_that_was_not_accepted_by_name(lived_in: House, database_url: str) -> None:
    notes(lived_in)
    run(database_url, "insert into notes select generate_series(1, 3); update one set word = 'kept'")
    before = facts(database_url)
    refused = lived_in.run(*BACK, "--steps", "1")
    assert refused.status == 5, refused.said
    assert "waits[data-loss]: rollback of 002_notes destroys data" in refused.out
    assert 'drops table "notes": 3 rows, all of them written since the migration was applied' in refused.out
    assert 'drops column "one"."word": 1 value, all of them written since the migration was applied' in refused.out
    assert "`--accept-data-loss 002_notes`" in refused.out
    for accepted in ("001_one", "003"):
        refused = lived_in.run(*BACK, "--steps", "1", "--accept-data-loss", accepted)
        assert refused.status == 2, refused.said
        assert f"`--accept-data-loss {accepted}` does not match a migration of this rollback" in refused.words
        assert "the rollback includes: 002_notes" in refused.words
    assert facts(database_url) == before
    done = lived_in.run(*BACK, "--steps", "1", "--accept-data-loss", "002_notes")
    assert done.status == 0, done.said
    assert 'drops table "notes": 3 rows' in done.out
    assert marks(database_url)[-1] == "002_notes rolled-back"


def test_where_nothing_is_in_it_nothing_has_to_be_accepted(lived_in: House, database_url: str) -> None:
    notes(lived_in)
    done = lived_in.run(*BACK, "--steps", "1")
    assert done.status == 0, done.said
    assert 'drops table "notes": 0 rows' in done.out
    assert not has(database_url, "notes")


@pytest.mark.slow
def test_a_rollback_that_fails_is_found_by_the_dry_run(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, TRIED)
    lived_in.migration("002_notes", "create table notes (id int);", down="drop table notes;")
    assert lived_in.applied().status == 0
    run(database_url, "create view of_notes as select id from notes")
    before = facts(database_url), marks(database_url)
    shown = lived_in.run(*BACK, "--steps", "1", "--dry-run")
    assert shown.status == 1, shown.said
    assert "1 migration to roll back, FAILS ON A COPY; dry run" in shown.words
    assert "error[fails]: fails on a copy of staging's schema" in shown.words
    assert "next: do not run this rollback, because it fails on a copy" in shown.out
    assert (facts(database_url), marks(database_url)) == before


@pytest.mark.slow
def test_a_dry_run_shows_it_on_every_page_and_does_nothing(lived_in: House, database_url: str) -> None:
    lived_in.environment("staging", database_url, TRIED)
    notes(lived_in)
    run(database_url, "insert into notes values (1)")
    before = facts(database_url), marks(database_url)
    shown = lived_in.run(*BACK, "--steps", "1", "--dry-run")
    assert shown.status == 0, shown.said
    assert "1 migration to roll back, DESTROYS DATA; dry run, nothing was changed" in shown.out
    assert "waits[data-loss]" in shown.out
    assert "effect on other sessions, measured on a copy of its schema" in shown.out
    assert "tried on a copy of its schema" in shown.out
    assert "-   table public.notes" in shown.out
    page = lived_in.run(*BACK, "--steps", "1", "--dry-run", "--format", "markdown").out
    assert "tried on a copy of its schema" in page
    assert "| 🗑️ | <code>002_notes</code> | <code>drops table" in page
    told = lived_in.run(*BACK, "--steps", "1", "--dry-run", "--format", "json").json
    assert (told["status"], told["exit_status"]) == ("only-shown", 0)
    assert [(loss["name"], loss["column"], loss["rows"], loss["written_since"]) for loss in told["losses"]] == [
        ('"notes"', None, 1, 1),
        ('"one"', '"word"', 0, 0),
    ]
    assert told["losses"][0]["place"]["path"].startswith("002_notes.down.sql")
    assert (facts(database_url), marks(database_url)) == before
    assert "-  002_notes" in shown.out
    assert "<b>Rolls back</b>, in this order: 🟠 <code>002_notes</code>." in page
    assert told["plan"]["fingerprint"] in shown.out
    next_one = re.search(r"next: `ctgitops (.*)`", shown.out)
    assert next_one, shown.out
    assert next_one[1] in page
    assert told["next_command"] == f"ctgitops {next_one[1]}"
    done = lived_in.run(*shlex.split(next_one[1]))
    assert done.status == 0, done.said
    assert marks(database_url)[-1] == "002_notes rolled-back"


@pytest.mark.slow
def test_rows_are_counted_by_the_condition_of_the_statement(lived_in: House, database_url: str) -> None:
    notes(lived_in, down="delete from one where id > 5; drop table notes;")
    run(database_url, "insert into one select generate_series(4, 9)")
    losses = lived_in.run(*BACK, "--steps", "1", "--dry-run", "--format", "json").json["losses"]
    assert [(loss["destroys"], loss["rows"], loss["written_since"]) for loss in losses] == [
        ("deletes rows of", 4, None),
        ("drops table", 0, 0),
    ]


@pytest.mark.slow
def test_what_nobody_can_count_is_not_taken_for_nothing(lived_in: House, database_url: str) -> None:
    notes(lived_in, down="drop table notes; do $$ begin delete from one; end $$;")
    with transaction(database_url, "lock table notes in access exclusive mode"):
        refused = lived_in.run(*BACK, "--steps", "1")
    assert refused.status == 5, refused.said
    assert (
        "the rows could not be counted (counting timed out, or another session holds a lock on the table)"
        in refused.out
    )
    assert "a DO block may destroy any data" in refused.out
    assert has(database_url, "notes")


@pytest.mark.slow
def test_a_migration_that_says_it_has_no_way_back_wants_its_name(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    lived_in.applied()
    fields = "\n".join(
        f"-- {name}: {value}"
        for name, value in {
            "Migration": "003_gone",
            "Version": "1.0.0",
            "Description": "Gone",
            "Breaking Changes": "Yes",
            "Rollback": "Not Available",
            "Created": "2026-11-25",
            "Author": "Anna Lindqvist",
            "Dependencies": "None",
            "Estimated Execution Time": "under 1 second",
            "Impact": "nobody waits",
        }.items()
    )
    text = (
        f"{fields}\ncreate table gone ();\nselect record_migration('003_gone.sql', rollback_sql => 'drop table gone');"
    )
    lived_in.migration("003_gone", text)
    lived_in.applied()
    refused = lived_in.run(*BACK, "--steps", "1")
    assert refused.status == 5, refused.said
    assert "the header says `Rollback: Not Available`" in refused.out
    assert lived_in.run(*BACK, "--steps", "1", "--accept-data-loss", "003").status == 0
    assert not has(database_url, "gone")


@pytest.mark.slow
def test_rows_written_since_are_told_where_the_server_keeps_commit_times(lived_in: House) -> None:
    settings = {"track_commit_timestamp": "on"}
    with LocalServer(programs_for_tests(), settings=settings, base=base_for_servers()) as server:
        url = server.create_database("app").url
        lived_in.environment("staging", url)
        lived_in.migration("001_one", "create table one (id int primary key);", down="drop table one;")
        lived_in.applied()
        run(url, "insert into one select generate_series(1, 5)")
        lived_in.migration("002_two", "create table two ();", down="truncate one;")
        lived_in.applied()
        run(url, "insert into one values (6), (7)")
        losses = lived_in.run(*BACK, "--steps", "1", "--dry-run", "--format", "json").json["losses"]
        assert [(loss["rows"], loss["written_since"]) for loss in losses] == [(7, 2)]
        assert fetch(url, "select count(*) from one") == [(7,)]

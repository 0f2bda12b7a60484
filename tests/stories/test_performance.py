"""What an apply did to the load, measured on a real server under a real load."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.regressions import HARMFUL, HARMLESS, Scene, scene
from tests.report.test_json import valid
from tests.servers import fetch, programs_for_tests, run
from tests.stories.house import House, as_role

pytestmark = pytest.mark.slow
MEASURED = "performance: {within: 1s, before: 0s, on_regression: propose}\n"


@pytest.fixture
def measured(lived_in: House, database_url: str) -> House:
    lived_in.environment("staging", database_url, MEASURED)
    lived_in.migration("002_two", "create table two (id int);", down="drop table two;")
    return lived_in


@pytest.fixture(scope="module")
def busy() -> Iterator[Scene]:
    with scene(programs_for_tests()) as on:
        yield on


def test_without_the_extension_it_says_what_it_could_not_see(measured: House, database_url: str) -> None:
    done = measured.applied()
    assert done.status == 0
    assert "performance UNKNOWN: the statements" in done.words
    assert (
        "not measured: the statements: the extension pg_stat_statements is not installed in this database" in done.out
    )
    rows = fetch(database_url, "select moment, migrations, report is null from ctgitops.performance order by id")
    assert rows == [("before", ["002_two"], True), ("after", ["002_two"], True), ("end", ["002_two"], False)]
    shown = measured.run("performance", "--env", "staging", "--migration", "002")
    assert shown.status == 0, shown.said
    assert "002_two" in shown.out
    assert "not measured: the statements" in shown.out
    page = valid("performance", measured.run("performance", "--env", "staging", "--format", "json").out)
    assert [each["migrations"] for each in page["runs"]] == [["002_two"]]
    assert "### Performance of staging" in measured.run("performance", "--env", "staging", "--format", "markdown").out


def test_a_run_with_a_report_measures_no_longer(measured: House, database_url: str) -> None:
    assert measured.applied().status == 0
    measured.environment("staging", database_url, "performance: {within: 5h, before: 0s}\n")
    assert "staging: no run is active; last entry" in measured.run("watch", "--env", "staging").out


def test_its_record_is_only_ever_added_to(measured: House, database_url: str) -> None:
    measured.applied()
    for table in ("performance", "traffic"):
        for change in ("delete from ctgitops.{}", "truncate ctgitops.{}"):
            with pytest.raises(Exception, match="append-only"):
                run(database_url, change.format(table))


def test_a_row_that_another_version_wrote_is_an_error_and_a_plan_goes_on(measured: House, database_url: str) -> None:
    measured.applied()
    run(database_url, "insert into ctgitops.traffic (figures, tool_version) values ('[1]', '9')")
    run(
        database_url,
        """insert into ctgitops.performance (moment, environment, migrations, plan, figures, report, tool_version)
           values ('end', 'staging', '{002_two}', '', '{}', '{"findings": 1}', '9')""",
    )
    for verb in (("performance",), ("traffic", "--only-show")):
        done = measured.run(*verb, "--env", "staging")
        assert done.status == 4, done.said
        assert "has a row that ctgitops" in done.words
    measured.migration("003_three", "alter table two add column more int;")
    assert measured.plan().status == 0


def test_a_migration_without_a_report(measured: House) -> None:
    missing = measured.run("performance", "--env", "staging", "--migration", "001")
    assert missing.status == 2
    assert "staging has no performance report for the run that applied 001" in missing.words
    assert "the next apply measures the load" in missing.words


def test_asked_to_stop_while_it_waits_all_is_applied_and_the_lock_is_free(measured: House, database_url: str) -> None:
    measured.environment("staging", database_url, "performance: {within: 5h, before: 0s}\n")
    running = measured.start("apply", "--env", "staging", environ={"GITHUB_ACTOR": "anna"})
    running.says("all migrations are applied and the run lock is free")
    unlocked = measured.run("unlock", "--env", "staging")
    assert "the run lock of staging is free" in unlocked.words
    watched = measured.run("watch", "--env", "staging")
    assert watched.status == 0, watched.said
    assert "staging: all migrations are applied, and the run by anna of plan" in watched.out
    assert "measures the load until" in watched.out
    seen = valid("watch", measured.run("watch", "--env", "staging", "--format", "json").out)
    assert (seen["run"], seen["measuring"]["migrations"], seen["measuring"]["actor"]) == (None, ["002_two"], "anna")
    assert "measures the load until" in measured.run("status").out
    (there,) = valid("status", measured.run("status", "--format", "json").out)["environments"]
    assert there["measuring"] == seen["measuring"]
    running.terminate()
    done = running.ended()
    assert done.status == 0, done.said
    assert "1 migration applied" in done.out
    assert "the run was asked to stop before the end of `within`" in done.words
    assert measured.apply().out.startswith("staging: up to date")


def test_a_role_that_may_not_see_others_is_told_the_grant(busy: Scene) -> None:
    name = "of_a_plain_role"
    busy.administer(f"create database {name} template template_of_load")
    url = busy.server.address(name).url
    run(
        url,
        "create role plain login; grant create on database of_a_plain_role to plain; grant usage, create on schema "
        "public to plain; select count(*) from customers; select 1",
    )
    root = busy.write(name, "create table mine (id int);", 1)
    done = busy.apply(root, as_role(url, "plain"))
    assert done.returncode == 0, done.stderr
    assert "grant pg_read_all_stats to plain" in done.stdout


def test_statistics_that_are_reset_meanwhile_are_unknown(busy: Scene) -> None:
    name = "of_a_reset"
    busy.administer(f"create database {name} template template_of_load")
    url = busy.server.address(name).url
    run(url, "select count(*) from customers")
    root = busy.write(name, "select public.pg_stat_statements_reset();", 1)
    done = busy.apply(root, url)
    assert done.returncode == 0, done.stderr
    assert "their statistics were reset while the run measured" in done.stdout


@pytest.mark.parametrize("what", HARMFUL)
def test_harm_is_found_under_a_real_load(busy: Scene, what: str) -> None:
    result = busy.run(what, HARMFUL[what], 8)
    told = [finding["kind"] for finding in result.report["findings"]]
    # On a fast machine, the rewrite is over before any session notices it: then it is told as a notice
    assert result.kinds or "rewritten-table" in told, result.report


@pytest.mark.parametrize("what", ["a column", "an index, concurrently"])
def test_everyday_changes_raise_no_alarm(busy: Scene, what: str) -> None:
    result = busy.run(what, HARMLESS[what], 8)
    assert result.kinds == [], result.report


def test_traffic_takes_a_sample_and_says_that_it_has_too_few(measured: House, database_url: str) -> None:
    measured.applied()
    first = measured.run("traffic", "--env", "staging")
    assert first.status == 0, first.said
    assert "quiet hours UNKNOWN: there are samples of 0 days, but at least 3 are necessary" in first.words
    assert fetch(database_url, "select count(*) from ctgitops.traffic") == [(1,)]
    page = valid("traffic", measured.run("traffic", "--env", "staging", "--format", "json", "--only-show").out)
    assert (page["samples"], page["stored"], page["windows"]) == (1, False, [])
    run(
        database_url,
        """insert into ctgitops.traffic (at, figures, tool_version)
           select at, jsonb_build_object('transactions', sum(case
               when extract(hour from at at time zone 'utc') in (3, 4) then 10 else 90000 end) over (order by at),
               'tables', '{}'::jsonb, 'waiting', 0, 'lag', 0, 'reset', 'x'), '1'
           from generate_series(date_trunc('hour', now()) - interval '9 days', now() - interval '1 day',
               interval '1 hour') at""",
    )
    shown = measured.run("traffic", "--env", "staging", "--hours", "2", "--only-show")
    assert 'from: "02:00", to: "04:00", timezone: UTC}]' in shown.out
    assert measured.run("traffic", "--env", "staging", "--timezone", "Mars/Olympus").status == 2


def test_a_ledger_of_an_older_format_is_told_what_to_run(house: House) -> None:
    first = house.run("traffic", "--env", "staging")
    assert first.status == 4, first.said
    assert "has no table ctgitops.traffic" in first.words
    assert "run `ctgitops apply --env staging` once" in first.words

"""The comment of a pull request from its plan to its last record, on a GitHub that checks every call."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ctgitops.action import change
from ctgitops.core.environment.window import WEEKDAYS
from ctgitops.github import forge as forge_module
from ctgitops.github.access import RetryPolicy
from tests.servers import run
from tests.stories.house import House

from .live import Live, numbers
from .story import Story

pytestmark = pytest.mark.github
RED = ("migrations/001_red.sql", "migrations/001_red.down.sql")


@pytest.fixture
def story(live: Live, tmp_path: Path, make_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setattr(forge_module, "RetryPolicy", lambda: RetryPolicy(between_writes=0, settle=0.1, backoff=0.05))
    folder = f"db{next(numbers)}"
    house = House(tmp_path / "repository" / folder)
    house.policy("header: optional\n")
    house.environment("staging", make_database(), "apply: {on: push}\n")
    house.environment("production", make_database(), "after: staging\napply: {on: release, tags: 'v*'}\n")
    house.migration("001_red", "create table red (id int primary key);", down="drop table red;")
    files = tmp_path / "runner"
    files.mkdir()
    made = Story(live, house, files, folder)
    made.commit("start", "migrations/policy.yaml", "environments/staging.yaml", "environments/production.yaml")
    return made


def first(page: str) -> str:
    return page.split("\n", 1)[0]


def merged(story: Story, *paths: str) -> tuple[int, str]:
    number = story.open(*paths)
    story.plan(number)
    return number, story.merge(number)


def test_the_plan_and_the_way_back_stay_after_the_merge_and_after_a_rollback(story: Story) -> None:
    number = story.open(*RED)
    assert story.plan(number) == 0
    plan = story.comment(number).split("\n", 1)[1].strip()
    sha = story.merge(number)
    assert story.push(sha) == 0
    assert plan in story.comment(number)
    assert first(story.record(number)).startswith("### ✅ Applied to staging · production waits for")
    way = "<code>command: rollback</code>, <code>environment: staging</code>, <code>to: 0</code>"
    assert way in story.record(number)
    assert story.by_hand(sha, command="rollback", environment="staging", to="0") == 0
    assert plan in story.comment(number)
    assert first(story.record(number)).startswith("### ↩️ Rolled back on staging")
    again = "<code>command: repair</code>, <code>environment: staging</code>, <code>again: 001</code>"
    assert again in story.record(number)
    assert story.by_hand(sha, command="repair", environment="staging", again="001", reason="a test") == 0
    assert story.push(sha) == 0
    assert first(story.record(number)).startswith("### ✅ Applied to staging")
    assert "<b>ROLLED BACK</b> before" in story.record(number)
    assert plan in story.comment(number)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_merges_that_fail_on_one_migration_end_with_true_records(story: Story, order: tuple[int, int]) -> None:
    house, url = story.house, story.house.secrets["STAGING_DATABASE_URL"]
    run(url, "create table red (id int);")
    runs = []
    for paths in (RED, ("migrations/002_blue.sql",)):
        if paths != RED:
            house.migration("002_blue", "create table blue (id int);")
        number, sha = merged(story, *paths)
        assert story.push(sha) == 6
        runs.append((number, sha, str(story.runs)))
        assert first(story.record(number)).startswith("### ⛔ staging FAILED")
    run(url, "drop table red;")
    files = {p: (house.root / p).read_text() for p in ("migrations/002_blue.sql",)}
    for index in order:
        number, sha, run_id = runs[index]
        if index == 0:
            house.remove("002_blue")
        story.push(sha, GITHUB_RUN_ID=run_id, GITHUB_RUN_ATTEMPT="2")
        for path, text in files.items():
            house.write(path, text)
    for number, _, _ in runs:
        page = first(story.record(number))
        # Seen to fail with `its file was removed`: the checkout of the older run lacks the later file.
        assert page == "### ✅ Applied to staging · production waits for the next release tagged v&#42;"


def test_a_refused_merge_is_no_wait_and_the_correction_is_on_record(story: Story) -> None:
    house = story.house
    number, sha = merged(story, *RED)
    house.migration("003_gap", "create table gap (id int);")
    assert story.push(sha) == 3
    page = story.record(number)
    assert first(page).startswith("### ⛔ staging is BLOCKED, nothing was changed")
    assert "open a pull request" in page
    assert "waits for the run on merge" not in page
    house.remove("003_gap")
    assert story.push(sha) == 0
    assert first(story.record(number)).startswith("### ✅ Applied to staging")


def test_a_refused_merge_is_corrected_by_another_number(story: Story) -> None:
    house = story.house
    assert story.push(merged(story, *RED)[1]) == 0
    house.migration("001_blue", "create table blue (id int);")
    refused, sha = merged(story, "migrations/001_blue.sql")
    assert story.push(sha) == 3
    assert first(story.record(refused)).startswith("### ⛔ staging is BLOCKED")
    house.remove("001_blue")
    house.migration("002_blue", "create table blue (id int);")
    number = story.open("migrations/002_blue.sql", removed=("migrations/001_blue.sql",))
    assert story.push(story.merge(number)) == 0
    assert first(story.record(number)).startswith("### ✅ Applied to staging")
    assert first(story.record(refused)).startswith("### ⚪ No environment applies the migration: its file was removed")


def test_a_run_without_a_secret_keeps_what_another_run_knew(story: Story) -> None:
    house = story.house
    number, sha = merged(story, *RED)
    assert story.push(sha) == 0
    assert story.by_hand(sha, command="apply", environment="production") == 0
    assert first(story.record(number)).startswith("### ✅ Applied to staging and production")
    hidden = house.secrets.pop("PRODUCTION_DATABASE_URL")
    assert story.push(sha) == 0
    page = story.record(number)
    assert first(page).startswith("### ✅ Applied to staging and production")
    assert "Way back on production" in page
    house.secrets["PRODUCTION_DATABASE_URL"] = hidden


def test_a_schedule_continues_what_waited_for_a_window(story: Story) -> None:
    soon = WEEKDAYS[(datetime.now(UTC).weekday() + 3) % 7]
    shut = f"apply: {{on: push}}\nwindows: [{{days: [{soon}], from: '00:00', to: '00:01', timezone: UTC}}]\n"
    story.house.environment("staging", story.house.secrets["STAGING_DATABASE_URL"], shut)
    number, sha = merged(story, *RED)
    assert story.push(sha) == 5
    page = story.record(number)
    assert first(page).startswith("### 🟣 staging WAITS for its window")
    assert "in the window" in page
    story.house.environment("staging", story.house.secrets["STAGING_DATABASE_URL"], "apply: {on: schedule}\n")
    assert story.run("schedule", {"schedule": "0 * * * *"}, sha) == 0
    assert first(story.record(number)).startswith("### ✅ Applied to staging")


def test_an_old_run_and_a_forged_marker_do_not_win(story: Story) -> None:
    number = story.open(*RED)
    head = story.live.call("GET", f"/pulls/{number}")["head"]["sha"]
    fields = {"v": 1, "key": f"plan-{story.folder}", "gen": [10**12, 1], "head": head, "body": "0" * 64}
    forged = f"<!-- ctgitops {json.dumps(fields)} -->\nforged"
    story.live.call("POST", f"/issues/{number}/comments", {"body": forged})
    assert story.plan(number) == 0
    assert "1 migration pending" in story.comment(number)
    assert "forged" not in story.comment(number)
    story.live.call("POST", f"/issues/{number}/comments", {"body": forged})
    sha = story.merge(number)
    assert story.push(sha) == 0
    page = story.comment(number)
    assert first(story.record(number)).startswith("### ✅ Applied to staging")
    assert "forged" not in page
    assert "1 migration pending" in page
    story.plan(number, GITHUB_RUN_ID="99999")
    assert story.comment(number) == page, "a plan does not replace a record"


def test_the_next_run_closes_the_deployment_of_a_killed_one(story: Story) -> None:
    number, sha = merged(story, *RED)
    body = {"ref": sha, "task": f"deploy:migrations:{story.folder}", "environment": "staging", "required_contexts": []}
    killed = story.live.call("POST", "/deployments", body)["id"]
    story.live.call("POST", f"/deployments/{killed}/statuses", {"state": "in_progress"})
    assert story.push(sha) == 0
    assert story.live.call("GET", f"/deployments/{killed}/statuses")[0]["state"] == "error"
    (mine,) = [d for d in story.live.call("GET", "/deployments?environment=staging") if d["sha"] == sha][:1]
    assert story.live.call("GET", f"/deployments/{mine['id']}/statuses")[0]["state"] == "success"
    assert story.by_hand(sha, command="rollback", environment="staging", to="0") == 0
    made = [d for d in story.live.call("GET", "/deployments?environment=staging") if d["sha"] == sha]
    states = [story.live.call("GET", f"/deployments/{d['id']}/statuses")[0]["state"] for d in made]
    assert "success" not in states, "the tip has the migration, which was rolled back"
    assert first(story.record(number)).startswith("### ↩️ Rolled back on staging")


def test_a_comment_for_each_run_has_the_plan_too(story: Story) -> None:
    every = {"INPUT_COMMENT": "recreate"}
    number = story.open(*RED)
    story.plan(number, **every)
    sha = story.merge(number)
    assert story.push(sha, **every) == 0
    old, new = story.live.comments(number)
    assert old["body"].startswith("<!-- ctgitops, outdated -->")
    assert "### ✅ Applied to staging" in new["body"]
    assert "1 migration pending" in new["body"]


def test_a_run_that_cannot_read_the_files_says_so_on_the_merged_pull_request(story: Story) -> None:
    number, sha = merged(story, *RED)
    story.house.write("environments/staging.yaml", "environment: [")
    assert story.push(sha) == 3
    page = story.record(number)
    assert first(page).startswith("### ⛔ Merged, but the run after the merge FAILED: nothing was applied")
    assert "staging.yaml" in page
    assert "1 migration pending" in story.comment(number)


def test_a_cancelled_run_says_so_and_a_run_again_continues(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    number, sha = merged(story, *RED)

    def cancel(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(change, "apply_verb", cancel)
        with pytest.raises(KeyboardInterrupt):
            story.push(sha)
    page = story.record(number)
    assert "### ⛔ Cancelled: the apply to staging" in page
    assert "<b>Next</b>: run the job again" in page
    assert "1 migration pending" in page
    assert story.push(sha) == 0
    page = story.comment(number)
    assert "### ✅ Applied to staging" in page
    assert "1 migration pending" in page
    assert "Cancelled" not in page

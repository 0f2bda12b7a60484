"""The plan that a reviewer approves: it looks at every gate that the apply would look at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ctgitops.core.forge.forge import ChangedFile, OpenPullRequest
from tests.github.test_event import changed, payload_of
from tests.servers import fetch, run
from tests.test_action_forge import Scene, html, opened, push, release, scene, strict

__all__ = ["scene"]


def planned(scene: Scene, event: str = "release", payload: dict[str, Any] | None = None) -> tuple[int, str]:
    """The exit status of the plan of production, and the fingerprint to approve."""
    for name in ("output", "summary"):
        (scene.files / name).write_text("")
    status = scene.run(event, payload or release(), command="plan", environment="production")
    return status, scene.output("fingerprint")


def first_lines(scene: Scene) -> str:
    return html(scene.summary.partition("| environment |")[0])


def test_what_staging_has_is_approved_with_this_release(scene: Scene) -> None:
    scene.run("push", push())
    status, fingerprint = planned(scene)
    assert (status, len(fingerprint)) == (0, 64)
    assert "production with this release" in first_lines(scene)
    assert "Approving the job for <b>production</b> applies this plan, and no other." in first_lines(scene)
    assert "next release" not in scene.summary
    assert fingerprint[:12] in scene.summary
    approved = {"command": "apply", "environment": "production", "require_fingerprint": "true"}
    assert scene.run("release", release(), **approved, fingerprint=fingerprint) == 0


def test_what_staging_lacks_is_nothing_to_approve(scene: Scene) -> None:
    assert planned(scene) == (5, "none")
    said = first_lines(scene)
    assert said.startswith("### ⏳ production MUST WAIT · 1 migration pending")
    assert (
        "cannot be applied now: staging does not have 001_red yet: start the workflow with <code>command: apply</code>"
        in said
    )
    assert "There is nothing to approve yet" in said
    assert "re-run all jobs of this workflow run" in said
    assert "Approve the job" not in scene.summary
    assert "<sub>plan" not in scene.summary
    assert scene.run("release", release(), environment="production") == 5


def test_a_file_that_no_pull_request_showed_is_nothing_to_approve(scene: Scene) -> None:
    scene.run("push", push())
    url = scene.house.secrets["PRODUCTION_DATABASE_URL"]
    manifest = "after: staging\napply: {on: release, tags: 'v*'}\nreviewed: required\n"
    scene.house.environment("production", url, manifest)
    assert planned(scene) == (5, "none")
    assert "no merged pull request showed the current text of" in first_lines(scene)
    scene.run("pull_request", opened())
    assert planned(scene)[0] == 0


@pytest.mark.parametrize("event", ["release", "push", "workflow_dispatch"])
def test_a_commit_that_apply_would_not_accept_is_nothing_to_approve(scene: Scene, event: str) -> None:
    scene.run("push", push())
    scene.forge.on_branch = False
    payload = release() if event == "release" else payload_of({"push": "push.tag"}.get(event, event))
    if event != "release":
        payload = changed(payload, "repository.default_branch", "master") | {"ref": "refs/tags/v1.0.0"}
    if event == "push":
        payload = changed(payload, "head_commit.id", scene.forge.tags["v1.0.0"])
    assert planned(scene, event, payload) == (5, "")
    assert "the commit of the tag v1.0.0 is not on master" in first_lines(scene)


def test_a_tag_that_production_does_not_take_is_nothing_to_approve(scene: Scene) -> None:
    scene.run("push", push())
    scene.forge.tags["w1"] = scene.forge.tags["v1.0.0"]
    assert planned(scene, payload=changed(release(), "release.tag_name", "w1")) == (5, "none")
    assert "for the tag w1" in first_lines(scene)
    assert planned(scene, payload=changed(release(), "release.prerelease", True)) == (5, "none")
    assert "is a pre-release" in first_lines(scene)


def test_a_gate_that_cannot_look_is_nothing_to_approve(scene: Scene) -> None:
    scene.run("push", push())
    for name in ("output", "summary"):
        (scene.files / name).write_text("")
    given = {"command": "plan", "environment": "production", "github_token": ""}
    assert scene.run("release", release(), **given) == 8
    assert scene.output("fingerprint") == ""
    assert "cannot check whether the tag v1.0.0 is on master" in first_lines(scene)


def test_a_database_that_is_not_well_is_nothing_to_approve(scene: Scene) -> None:
    scene.run("push", push())
    url = scene.house.secrets["PRODUCTION_DATABASE_URL"]
    run(url, "create table well (is_so boolean); insert into well values (false)")
    health = "health: {query: select bool_and(is_so) from public.well, within: 5s, every: 1s}\n"
    scene.house.environment("production", url, f"after: staging\napply: {{on: release, tags: 'v*'}}\n{health}")
    assert planned(scene) == (5, "none")
    assert "production is unhealthy before the apply" in first_lines(scene)
    run(url, "update well set is_so = true")
    assert planned(scene)[0] == 0
    assert fetch(url, "select count(*) from pg_tables where tablename = 'red'") == [(0,)]


def test_what_only_needs_time_can_be_approved_before(scene: Scene) -> None:
    scene.run("push", push())
    url = scene.house.secrets["PRODUCTION_DATABASE_URL"]
    scene.house.environment("production", url, "after: staging\nbake: 24h\napply: {on: release, tags: 'v*'}\n")
    status, fingerprint = planned(scene)
    assert (status, len(fingerprint)) == (0, 64)
    said = first_lines(scene)
    assert said.startswith("### ❓ 1 migration pending · production with this release, waits for bake")
    assert "The apply still waits: 001_red has been on staging since" in said


def test_a_finding_of_severity_error_is_nothing_to_approve(scene: Scene) -> None:
    scene.run("push", push())
    scene.run("release", release())
    scene.house.migration("002_index", "create index on red (id);", down="drop index red_id_idx;")
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    scene.house.environment("staging", url, "apply: {on: push}\nlint: {blocking-index: warning}\n")
    assert scene.run("push", push()) == 0
    status, fingerprint = planned(scene)
    assert (status, fingerprint) == (1, "none")
    assert "Approve" not in scene.summary


def test_a_merge_against_a_finding_of_severity_error_is_refused_until_it_is_accepted(scene: Scene) -> None:
    """Seen to fail with `2 migrations applied AGAINST 1 finding of severity error`."""
    scene.run("push", push())
    index, down = "create index on red (id);", "drop index red_id_idx;"
    scene.house.migration("002_index", index, down=down)
    scene.forge.files = (ChangedFile("migrations/002_index.sql", added=True),)
    assert (scene.run("push", push()), scene.output("applied"), scene.output("blocked")) == (1, "0", "true")
    assert len(scene.forge.ends) == 1
    said = html(scene.forge.comments[-1].body)
    assert said.startswith("### ⛔ staging is BLOCKED, nothing was changed: ")
    assert "-- ctgitops: allow blocking-index" in said
    assert (
        "corrects <code>migrations/002_index.sql</code>, or accepts the finding as described below; its merge" in said
    )
    scene.house.migration("002_index", f"-- ctgitops: allow blocking-index (no rows)\n{index}", down=down)
    scene.forge.merged_by, scene.forge.brought = 43, {"migrations/002_index.sql": 42}
    scene.forge.files_by = {42: scene.forge.files, 43: (ChangedFile("migrations/002_index.sql", added=False),)}
    before = len(scene.forge.comments)
    assert (scene.run("push", changed(push(), "after", "b" * 40)), scene.output("applied")) == (0, "1")
    pages = {comment.pull_request: html(comment.body) for comment in scene.forge.comments[before:]}
    assert {*pages} == {42, 43}, "seen to fail: 42 stayed BLOCKED, because no entry of a ledger names it"
    assert pages[42].startswith("### ✅ Applied to staging")


def test_a_clash_with_another_pull_request_is_in_the_verdict_and_next(scene: Scene) -> None:
    scene.forge.files = (ChangedFile("migrations/001_red.sql", added=True),)
    scene.forge.others = (OpenPullRequest(12, (ChangedFile("migrations/001_blue.sql", added=True),)),)
    assert scene.run("pull_request", opened()) == 0
    verdict, _, rest = html(scene.forge.comments[0].body).partition("\n")
    said = rest.partition("| environment |")[0]
    assert verdict.startswith("### ❓ number 001 ALSO IN #\u200b12 · 1 migration pending")
    assert "Do not merge both as they are: open pull request #\u200b12 adds" in said
    assert "ctgitops new --renumber 001_red" in said
    assert "Merg" not in said
    scene.forge.others = tuple(replace(other, files=()) for other in scene.forge.others)
    scene.run("pull_request", opened())
    assert "Merging applies it to <b>staging</b>" in scene.forge.comments[1].body


def test_strict_review_of_a_push_is_asked_before_its_approval(scene: Scene) -> None:
    strict(scene)
    assert scene.run("push", push(), command="plan", environment="staging") == 5
    assert "staging MUST WAIT" in scene.summary


def test_an_event_for_which_apply_refuses_to_run_is_nothing_to_approve(scene: Scene) -> None:
    scene.run("push", push())
    assert planned(scene, "repository_dispatch", {"action": "deploy"}) == (0, "none")
    assert "the event `repository_dispatch` is not supported" in first_lines(scene).replace("<code>", "`").replace(
        "</code>", "`"
    )


def test_a_migration_that_stopped_halfway_is_continued_although_its_table_exists_now(scene: Scene) -> None:
    """Seen to fail: the index on the table of the first, completed statement was a finding of severity error."""
    sql = (
        "-- ctgitops: no transaction\n"
        "create table items (id int, n int);\n"
        "create index items_n on items (n);\n"
        "insert into items select 1, 1 / (select count(*) from red);\n"
        "create unique index items_id on items (id);\n"
    )
    scene.house.migration("002_items", sql, down="drop table items;")
    assert scene.run("push", push()) == 6
    run(scene.house.secrets["STAGING_DATABASE_URL"], "insert into red values (1)")
    assert (scene.run("push", push()), scene.output("applied")) == (0, "1"), html(scene.summary)

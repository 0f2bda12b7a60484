"""The Action as a repository sees it: pull request, merge, release."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.github.test_event import changed, payload_of
from tests.servers import fetch, run

from .conftest import Scene
from .front import READ_ONLY

pytestmark = [pytest.mark.docker, pytest.mark.github]
NAMES = "select name from ctgitops.migrations order by number"


def applied(url: str) -> list[str]:
    found = fetch(url, "select to_regclass('ctgitops.ledger') is not null")
    return [str(name) for (name,) in fetch(url, NAMES)] if found == [(True,)] else []


def begun(scene: Scene, staging: str, production: str = "") -> None:
    """A repository that has its manifests already."""
    urls = {"staging": staging, **({"production": production} if production else {})}
    scene.environments(**urls)
    scene.commit("main")


def proposed(scene: Scene) -> tuple[int, list[str]]:
    """A pull request that is opened with a migration and pushed to twice, with a run of its workflow each time."""
    scene.branch("work")
    names: list[str] = []
    number = 0
    for position, table in enumerate(("projects", "cables", "poles"), start=1):
        up, down = f"create table {table} (id int primary key);", f"drop table {table};"
        names.append(scene.migration(position, up, down, name=table))
        scene.commit("work")
        number = number or scene.pull_request("work")
        ran = scene.plan("opened" if position == 1 else "synchronize", number, "work")
        assert ran.status == 0, ran.log
        assert ran.outputs["pending"] == str(position)
        assert ran.outputs["comment-url"].rpartition("/")[2] == scene.ours(number)[0]["html_url"].rpartition("/")[2]
        assert table in ran.summary
        assert ran.left == (), "what the container leaves behind belongs to the runner"
    return number, names


def until(true: Callable[[], bool]) -> None:
    """Waits for something to be so; the test's own timeout ends it."""
    while not true():
        time.sleep(0.1)


def test_a_pull_request_that_is_pushed_to_has_one_comment_that_is_current(
    scene: Scene, two_urls: tuple[str, str]
) -> None:
    begun(scene, *two_urls)
    number, names = proposed(scene)
    (comment,) = scene.ours(number)
    for name in names:
        assert name.split("_")[1] in comment["body"]
    runs = scene.live.call("GET", f"/commits/{scene.tip('work')}/check-runs")["check_runs"]
    assert [r["conclusion"] for r in runs if r["name"] == "ctgitops / plan"] == ["success"]
    assert applied(two_urls[0]) == applied(two_urls[1]) == []


def test_a_merge_brings_staging_and_a_release_production(scene: Scene, two_urls: tuple[str, str]) -> None:
    staging, production = two_urls
    begun(scene, staging, production)
    number, names = proposed(scene)
    sha = scene.merge(number)
    merged = scene.push(sha)
    assert merged.status == 0, merged.log
    assert (applied(staging), applied(production)) == (names, [])
    assert merged.outputs["applied"] == "3"
    assert scene.deployments(sha, "staging") == ["success"]
    (comment,) = scene.ours(number)
    assert "applied" in comment["body"]

    released = scene.release("v1.3.0", sha)
    assert released.status == 0, released.log
    assert applied(production) == names
    receipts = list(Path(scene.house.root, "backups/production").rglob("receipt.json"))
    assert [r.parent.name for r in receipts] == [released.outputs["receipt"]]
    assert released.left == (), "what the container leaves behind belongs to the runner"
    assert scene.deployments(sha, "production") == ["success"]
    (comment,) = scene.ours(number)
    assert "production" in comment["body"]


def test_a_cancelled_run_leaves_no_trace_and_the_next_goes_on(scene: Scene, two_urls: tuple[str, str]) -> None:
    staging, _ = two_urls
    scene.environments(staging=staging)
    first = scene.migration(1, "create table projects (id int primary key);", name="projects")
    slow = "select pg_sleep(case when to_regclass('public.quick') is null then 60 else 0 end);"
    second = scene.migration(2, f"create table cables (id int primary key); {slow}", name="cables")
    sha = scene.commit("main")
    process, files = scene.runner.start("push", scene.push_event(sha), ref="refs/heads/main", sha=sha)
    sleeping = "select count(*) from pg_stat_activity where state = 'active' and query like '%cables%pg_sleep%'"
    sleeping += " and pid <> pg_backend_pid()"
    until(lambda: fetch(staging, sleeping) == [(1,)])
    scene.runner.stop(files, "INT")
    scene.runner.stop(files, "TERM")
    ran = scene.runner.ended(process, files, seconds=20)
    assert ran.status == 6, ran.log
    assert fetch(staging, sleeping) == [(0,)]
    assert applied(staging) == [first]
    assert fetch(staging, "select to_regclass('public.cables')") == [(None,)]
    assert scene.deployments(sha, "staging") == ["failure"]

    run(staging, "create table quick ()")
    assert scene.push(sha).status == 0
    assert applied(staging) == [first, second]


def test_a_merge_group_is_planned_on_its_own_commit(scene: Scene, two_urls: tuple[str, str]) -> None:
    begun(scene, two_urls[0])
    scene.branch("queue")
    scene.migration(1, "create table projects (id int primary key);", name="projects")
    sha = scene.commit("queue")
    payload = changed(payload_of("merge_group.checks_requested"), "merge_group.head_sha", sha)
    payload = changed(payload, "merge_group.base_sha", scene.tip("main"))
    payload = changed(payload, "repository.full_name", scene.runner.repository)
    ran = scene.runner.run("merge_group", payload, ref="refs/heads/gh-readonly-queue/main/pr-1-abc", sha=sha)
    assert ran.status == 0, ran.log
    runs = scene.live.call("GET", f"/commits/{sha}/check-runs")["check_runs"]
    assert [r["conclusion"] for r in runs if r["name"] == "ctgitops / plan"] == ["success"]
    assert applied(two_urls[0]) == []


def test_a_fork_gets_a_plan_without_secrets_in_the_summary(scene: Scene, two_urls: tuple[str, str]) -> None:
    begun(scene, two_urls[0])
    scene.branch("work")
    scene.migration(1, "create table projects (id int primary key);", name="projects")
    scene.commit("work")
    number = scene.pull_request("work")
    scene.runner.secrets.clear()
    scene.runner.token = READ_ONLY
    payload = scene.pull_request_event("opened", number, scene.tip("work"))
    payload = changed(payload, "pull_request.head.repo.full_name", "somebody/hello-world")
    payload = changed(payload, "pull_request.head.repo.id", 4711)
    ran = scene.runner.run("pull_request", payload, ref=f"refs/pull/{number}/merge", sha=scene.tip("work"))
    assert ran.status == 0, ran.log
    assert "fork" in ran.summary
    assert scene.ours(number) == []
    assert applied(two_urls[0]) == []


def test_a_token_that_may_only_read_costs_a_warning_and_not_the_plan(scene: Scene, two_urls: tuple[str, str]) -> None:
    begun(scene, two_urls[0])
    scene.branch("work")
    scene.migration(1, "create table projects (id int primary key);", name="projects")
    scene.commit("work")
    number = scene.pull_request("work")
    scene.runner.token = READ_ONLY
    ran = scene.plan("opened", number, "work")
    assert ran.status == 0, ran.log
    warnings = [line for line in ran.log.splitlines() if line.startswith("::warning")]
    assert sum("pull-requests: write" in line for line in warnings) == 1
    assert sum("checks: write" in line for line in warnings) == 1
    assert "projects" in ran.summary
    assert {status for _, path, status in scene.front.writes if "graphql" not in path} == {403}


def test_our_comment_is_found_behind_two_hundred_others(scene: Scene, two_urls: tuple[str, str]) -> None:
    begun(scene, two_urls[0])
    scene.branch("work")
    scene.migration(1, "create table projects (id int primary key);", name="projects")
    scene.commit("work")
    number = scene.pull_request("work")
    for n in range(200):
        scene.live.call("POST", f"/issues/{number}/comments", {"body": f"noise {n}"})
    assert scene.plan("opened", number, "work").status == 0
    scene.migration(2, "create table cables (id int primary key);", name="cables")
    scene.commit("work")
    assert scene.plan("synchronize", number, "work").status == 0
    assert len(scene.live.comments(number)) == 201
    (comment,) = scene.ours(number)
    assert "cables" in comment["body"]


def test_forty_long_migrations_fit_into_a_comment(scene: Scene, two_urls: tuple[str, str]) -> None:
    begun(scene, two_urls[0])
    scene.branch("work")
    lines = "\n".join(
        f"insert into t values ({n}, 'a row of a long migration that goes on and on');" for n in range(199)
    )
    for n in range(1, 41):
        scene.migration(n, lines, name=f"long_{n}")
    scene.live.call("PUT", "/contents/migrations/001_long_1.sql", {"message": "m", "content": "LS0K", "branch": "work"})
    number = scene.pull_request("work")
    ran = scene.plan("opened", number, "work")
    assert ran.outputs["pending"] == "40"
    (comment,) = scene.ours(number)
    assert len(comment["body"]) <= 60_000
    assert all(f"long&#95;{n}<" in comment["body"] or f"long_{n}" in comment["body"] for n in range(1, 41))
    assert len(ran.summary.encode()) < 1 << 20

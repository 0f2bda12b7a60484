"""What the Action writes to GitHub, tested in process with a fake forge that records it."""

from __future__ import annotations

import html as markup
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ctgitops.action.deployment_log import DeploymentLog
from ctgitops.action.run import main
from ctgitops.core.environment.window import WEEKDAYS
from ctgitops.core.forge.environment_issue import EnvironmentIssue, IssueText
from ctgitops.core.forge.event import OutsideRun
from ctgitops.core.forge.forge import (
    ChangedFile,
    Check,
    CommitStatus,
    Conclusion,
    Deployment,
    DeploymentState,
    Generation,
    OldDeployment,
    OpenPullRequest,
    Proposal,
    Published,
    PublishedRelease,
    Reaction,
    RecordComment,
    Review,
    StickyComment,
    TreeFile,
    WorkflowRun,
)
from ctgitops.core.forge.live_check import LiveCheck
from ctgitops.core.gate.review import ShownFile, shown_in
from ctgitops.errors import ForgeError
from ctgitops.notify.listeners import NAMES
from ctgitops.wiring.wiring import Wiring
from tests.github.test_event import changed, payload_of
from tests.github.test_runner import outputs
from tests.notify.receiver import serving
from tests.servers import fetch, run
from tests.stories.house import House, as_role, database_of

MAIN = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"


@dataclass
class Forge:
    """Remembers everything; `refuses` names what a token may not do."""

    refuses: tuple[str, ...] = ()
    merged_by: int | None = 42
    tags: dict[str, str] = field(default_factory=lambda: {"v1.0.0": MAIN})
    on_branch: bool = True
    comments: list[StickyComment] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    begun: list[tuple[int, DeploymentState, str]] = field(default_factory=list)
    ends: list[tuple[int, DeploymentState, str]] = field(default_factory=list)
    states: list[tuple[int, DeploymentState, str]] = field(default_factory=list)
    kept: dict[int, Published] = field(default_factory=dict)
    brought: dict[str, int] = field(default_factory=dict)
    created: dict[int, datetime] = field(default_factory=dict)
    files: tuple[ChangedFile, ...] = ()
    files_by: dict[int, tuple[ChangedFile, ...]] = field(default_factory=dict)
    """By pull request, its files; those of another one are `files`."""
    retracted: list[str] = field(default_factory=list)
    last: list[StickyComment] = field(default_factory=list)
    approved_by: tuple[str, ...] = ()
    reviews: list[Review] = field(default_factory=list)
    others: tuple[OpenPullRequest, ...] = ()
    root: Path = Path()
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """What commits hold; one that is not here holds what the repository does now."""
    pulls: dict[int, Proposal] = field(default_factory=dict)
    permissions: dict[str, str] = field(default_factory=dict)
    reactions: list[tuple[int, str]] = field(default_factory=list)
    links: tuple[str, ...] = ()
    blobs: dict[str, bytes] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    bases: dict[int, str] = field(default_factory=dict)
    """The base branches of pull requests, if it is not the default branch."""
    live_checks: list[LiveCheck] = field(default_factory=list)
    issues: dict[str, list[IssueText]] = field(default_factory=dict)
    """By key, the texts that an issue has had."""
    statuses: list[CommitStatus] = field(default_factory=list)
    queued: list[tuple[int, str]] = field(default_factory=list)
    published: list[PublishedRelease] = field(default_factory=list)
    workflow_runs: dict[str, tuple[WorkflowRun, ...]] = field(default_factory=dict)
    started: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    shown: bool = True
    """Whether merged pull requests brought what was shown in their checks; else everything was pushed directly."""

    def comment(self, comment: StickyComment) -> str | None:
        self._may("comment")
        self.comments.append(comment)
        return "https://github.example/comment/1"

    def record(self, record: RecordComment) -> str | None:
        self._may("comment")
        made = record.compose(self.kept.get(record.pull_request, Published()))
        if made is None:
            return None
        self.kept[record.pull_request] = Published(memory=made.memory)
        number, key = record.pull_request, record.key
        self.comments.append(StickyComment(number, key, record.generation, record.head_sha, made.body, record.recreate))
        return "https://github.example/comment/1"

    def deployments_to(self, environment: str) -> tuple[OldDeployment, ...]:
        self._may("deployments_to")
        states = {number: (state.value, url) for number, state, url in self.states}
        made = ((n, d) for n, d in enumerate(self.deployments, start=1) if d.environment == environment)
        return tuple(
            OldDeployment(n, *states.get(n, ("pending", "")), self.created.get(n), each.sha) for n, each in made
        )[::-1]

    def brought_by(self, paths: tuple[str, ...], at: str, before: int | None = None) -> dict[str, int]:
        self._may("brought_by")
        assert at
        return {path: self.brought[path] for path in paths if self.brought.get(path, before) != before}

    def check(self, check: Check) -> None:
        self._may("check")
        self.checks.append(check)

    def live_check(self, check: LiveCheck) -> int | None:
        self._may("live_check")
        self.live_checks.append(check)
        return 5

    def keep_issue(self, issue: EnvironmentIssue, *, needed: bool) -> None:
        if "keep_issue" in self.refuses and not needed:
            return
        self._may("keep_issue")
        before = self.issues.get(issue.key)
        if text := issue.compose(before[-1].memory if before else ""):
            self.issues.setdefault(issue.key, []).append(text)

    def last_words(self, comment: StickyComment) -> None:
        self.last.append(comment)

    def retract(self, pull_request: int, key: str) -> None:
        assert pull_request
        self.retracted.append(key)

    def approvers(self, pull_request: int) -> tuple[str, ...]:
        assert pull_request
        return self.approved_by

    def suggest(self, review: Review) -> int:
        self._may("suggest")
        self.reviews.append(review)
        return len(review.suggestions)

    def deploy(self, deployment: Deployment) -> int | None:
        self._may("deploy")
        self.deployments.append(deployment)
        return len(self.deployments)

    def deployed(self, number: int, state: DeploymentState, description: str, url: str) -> None:
        self._may("deployed")
        assert url
        self.states.append((number, state, url))
        if state is DeploymentState.QUEUED:
            self.queued.append((number, description))
            return
        told = self.begun if state is DeploymentState.IN_PROGRESS else self.ends
        told.append((number, state, description))

    def pull_request_of(self, sha: str) -> int | None:
        self._may("pull_request_of")
        assert sha
        return self.merged_by

    def is_on(self, branch: str, sha: str) -> bool:
        assert branch == "master"
        return self.on_branch and sha in (MAIN, *self.commits)

    def commit_of_tag(self, tag: str) -> str:
        return self.tags[tag]

    def tip_of(self, branch: str) -> str:
        self._may("tip_of")
        return f"tip of {branch}"

    def base_of(self, number: int) -> str:
        return self.bases.get(number, "master")

    def releases(self) -> Iterator[PublishedRelease]:
        self._may("releases")
        yield from self.published

    def runs_of(self, workflow: str, ref: str) -> tuple[WorkflowRun, ...]:
        assert workflow == "deploy.yml"
        return self.workflow_runs.get(ref, ())

    def start(self, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
        self._may("start")
        self.started.append((workflow, ref, dict(inputs)))

    def status(self, status: CommitStatus) -> None:
        self._may("status")
        self.statuses.append(status)

    def seen(self, files: tuple[ShownFile, ...], at: str) -> frozenset[str]:
        self._may("seen")
        assert (bool(files), at) == (True, MAIN)
        return shown_by(*self.checks) if self.shown else frozenset()

    def permission_of(self, login: str) -> str:
        self._may("permission_of")
        return self.permissions.get(login, "read")

    def react(self, pull_request: int, comment: int, reaction: Reaction) -> None:
        self._may("react")
        assert pull_request
        self.reactions.append((comment, reaction.value))

    def tree(self, sha: str, folder: str) -> tuple[TreeFile, ...]:
        self._may("tree")
        held = self.commits.get(sha)
        if held is None:
            held = {str(f.relative_to(self.root)): f.read_bytes() for f in self.root.rglob("*") if f.is_file()}
        self.blobs = {f"{sha}:{path}": content for path, content in held.items()}
        found = [(p, c) for p, c in held.items() if p.startswith(f"{folder}/")]
        return tuple(TreeFile(p, f"{sha}:{p}", len(c), p not in self.links) for p, c in found)

    def blob(self, sha: str) -> bytes:
        self._may("blob")
        self.read.append(sha.split(":")[1])
        return self.blobs[sha]

    def proposal(self, number: int) -> Proposal:
        self._may("proposal")
        return self.pulls[number]

    def proposed_by(self, run: OutsideRun) -> int | None:
        return next((n for n, p in self.pulls.items() if p.head_sha == run.head_sha), None)

    def files_of(self, number: int) -> tuple[ChangedFile, ...]:
        self._may("files_of")
        assert number
        return self.files_by.get(number, self.files)

    def other_open(self, than: int) -> tuple[OpenPullRequest, ...]:
        self._may("other_open")
        assert than
        return self.others

    def _may(self, what: str) -> None:
        if what in self.refuses:
            raise ForgeError(f"{what}: Resource not accessible by integration")
        if f"{what}!" in self.refuses:
            raise AssertionError("something in a library")


def shown_by(*checks: Check) -> frozenset[str]:
    """The digests in the records of check runs."""
    parts = [shown_in(text) for check in checks for text in check.texts]
    return frozenset(digest for part in parts if part for digest in part.digests)


@dataclass
class Scene:
    """A repository with two environments, a forge, and the files of a runner."""

    house: House
    forge: Forge
    files: Path
    runs: int = 0

    def run(self, event: str, payload: dict[str, Any], **inputs: str) -> int:
        self.runs += 1
        NAMES.clear()  # each run is a process of its own
        (self.files / "event.json").write_text(json.dumps(payload))
        given = {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()}
        environ = {
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(self.files / "event.json"),
            "GITHUB_OUTPUT": str(self.files / "output"),
            "GITHUB_REF": payload.get("ref", "refs/heads/master"),
            "GITHUB_REPOSITORY": "constructtrack/database",
            "GITHUB_RUN_ATTEMPT": "2",
            "GITHUB_RUN_ID": str(76 + self.runs),
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_SHA": MAIN,
            "GITHUB_STEP_SUMMARY": str(self.files / "summary"),
            "GITHUB_WORKSPACE": str(self.house.root),
            "INPUT_GITHUB-TOKEN": "ghs_token",
        }
        return main({**environ, **self.house.secrets, **given})

    def tables(self, name: str) -> int:
        url = self.house.secrets[f"{name.upper()}_DATABASE_URL"]
        return len(fetch(url, "select from pg_tables where schemaname = 'public'"))

    @property
    def summary(self) -> str:
        return (self.files / "summary").read_text()

    def output(self, name: str) -> str:
        return outputs((self.files / "output").read_bytes().decode()).get(name, "")


@pytest.fixture
def scene(tmp_path: Path, make_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Scene:
    house = House(tmp_path / "repository")
    house.policy("header: optional\n")
    house.environment("staging", make_database(), "apply: {on: push}\n")
    house.environment("production", make_database(), "after: staging\napply: {on: release, tags: 'v*'}\n")
    house.migration("001_red", "create table red (id int primary key);", down="drop table red;")
    files = tmp_path / "runner"
    files.mkdir()
    made = Scene(house, Forge(root=house.root), files)
    monkeypatch.setattr(Wiring, "forge", lambda _self, _token, _warn: made.forge)
    return made


def html(markdown: str) -> str:
    """What a comment says, with its character references read."""
    return markup.unescape(markdown)


def opened() -> dict[str, Any]:
    return payload_of("pull_request.opened")


def push() -> dict[str, Any]:
    return payload_of("push.branch")


def release() -> dict[str, Any]:
    payload = changed(payload_of("release.released"), "release.tag_name", "v1.0.0")
    return changed(payload, "repository.default_branch", "master")


def test_a_pull_request_gets_one_comment_and_a_check_on_its_head(scene: Scene) -> None:
    assert scene.run("pull_request", opened()) == 0
    (comment,) = scene.forge.comments
    head = opened()["pull_request"]["head"]["sha"]
    assert (comment.pull_request, comment.key, comment.generation) == (2, "plan", Generation(77, 2))
    assert comment.head_sha == head
    assert "staging" in comment.body
    assert "production" in comment.body
    (check,) = scene.forge.checks
    assert (check.sha, check.conclusion) == (head, Conclusion.SUCCESS)
    assert "comment-url" in (scene.files / "output").read_text()


def test_a_workflow_may_want_no_comment(scene: Scene) -> None:
    assert scene.run("pull_request", opened(), comment="off") == 0
    assert scene.forge.comments == []


def test_a_problem_is_marked_in_the_check_and_not_twice(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.house.migration("002_wrong", "select from from;")
    assert scene.run("pull_request", opened()) == 3
    (check,) = scene.forge.checks
    assert check.conclusion is Conclusion.FAILURE
    assert [a.path for a in check.annotations if a.level == "failure"] == ["migrations/002_wrong.sql"]
    assert "::error file" not in capsys.readouterr().out


def test_without_the_permission_the_runner_marks_it(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.house.migration("002_wrong", "select from from;")
    scene.forge.refuses = ("check", "comment!")
    assert scene.run("pull_request", opened()) == 3
    said = capsys.readouterr().out
    assert "::error file=migrations/002_wrong.sql" in said
    assert said.count("Resource not accessible") == 1
    assert said.count("something in a library") == 1
    assert "Blocked" in scene.summary


def test_another_open_pull_request_with_the_same_number_is_named(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.forge.files = (ChangedFile("migrations/001_red.sql", added=True),)
    scene.forge.others = (OpenPullRequest(12, (ChangedFile("migrations/001_blue.sql", added=True),)),)
    assert scene.run("pull_request", opened()) == 0
    assert "open pull request #\u200b12 adds <code>001_blue</code>" in html(scene.forge.comments[0].body)
    assert "ctgitops new --renumber 001_red" in scene.forge.comments[0].body
    assert [a.title for a in scene.forge.checks[0].annotations if a.title == "clash"] == ["clash"]
    assert "warning[clash]" in capsys.readouterr().out


def test_of_two_files_with_one_number_the_one_that_the_pull_request_adds_is_marked(scene: Scene) -> None:
    scene.house.migration("001_azure", "create table azure ();")
    scene.forge.files = (ChangedFile("migrations/001_azure.sql", added=True),)
    assert scene.run("pull_request", opened()) == 3
    (check,) = scene.forge.checks
    assert [a.path for a in check.annotations if a.title == "duplicate-number"] == ["migrations/001_azure.sql"]


HEADER = """\
-- Migration: 002_blue
-- Version: v1.0.0
-- Description: Blue
-- Breaking Changes: No
-- Rollback: Available
-- Created: 12.01.2026
-- Author: Anna
--
-- Dependencies: 001
-- Estimated Execution Time: 1 s
-- Impact: nobody waits

create table blue (id int primary key);
"""


def test_a_problem_with_one_answer_is_a_suggestion_on_its_line(scene: Scene) -> None:
    scene.house.migration("002_blue", HEADER, down="drop table blue;")
    lines = HEADER.splitlines()
    patch = f"@@ -0,0 +1,{len(lines)} @@\n" + "\n".join(f"+{line}" for line in lines)
    scene.forge.files = (ChangedFile("migrations/002_blue.sql", added=True, patch=patch),)
    assert scene.run("pull_request", opened()) == 3
    (review,) = scene.forge.reviews
    assert (review.pull_request, review.sha) == (2, opened()["pull_request"]["head"]["sha"])
    assert [(s.first, s.old, s.instead) for s in review.suggestions] == [
        (2, ("-- Version: v1.0.0",), ("-- Version: 1.0.0",)),
        (6, ("-- Created: 12.01.2026",), ("-- Created: 2026-01-12",)),
    ]
    assert "-- Created: 2026-01-12" in scene.forge.comments[0].body
    scene.run("pull_request", opened(), comment="off")
    assert len(scene.forge.reviews) == 1


def test_who_may_not_list_pull_requests_gets_a_plan_without_clashes(scene: Scene) -> None:
    scene.forge.refuses = ("files_of",)
    assert scene.run("pull_request", opened()) == 0
    assert "clash" not in scene.forge.comments[0].body


def test_a_merge_group_is_checked_on_its_commit_and_has_no_comment(scene: Scene) -> None:
    assert scene.run("merge_group", payload_of("merge_group.checks_requested")) == 0
    assert [check.sha for check in scene.forge.checks] == ["2ffea6db159f6b6c47a24e778fb9ef40cf6b1c7d"]
    assert scene.forge.comments == []


def test_a_merge_is_applied_deployed_and_on_record(scene: Scene) -> None:
    assert scene.run("push", push()) == 0
    (deployment,) = scene.forge.deployments
    assert (deployment.environment, deployment.sha, deployment.production) == ("staging", MAIN, False)
    ((number, state, words),) = scene.forge.ends
    assert (number, state) == (1, DeploymentState.SUCCESS)
    assert [(n, s) for n, s, _ in scene.forge.begun] == [(1, DeploymentState.IN_PROGRESS)]
    assert "1 migration applied" in words
    (comment,) = scene.forge.comments
    assert (comment.pull_request, comment.key) == (42, "plan")
    assert "001" in comment.body
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    assert fetch(url, "select distinct pull_request from ctgitops.ledger") == [(42,)]


def test_nothing_to_do_is_no_deployment(scene: Scene) -> None:
    scene.run("push", push())
    scene.run("push", push())
    assert len(scene.forge.deployments) == len(scene.forge.ends) == 1


def test_what_fails_is_a_failed_deployment_and_on_record(scene: Scene) -> None:
    scene.house.migration("002_wrong", "create table red (id int);")
    assert scene.run("push", push()) == 6
    assert [state for _, state, _ in scene.forge.ends] == [DeploymentState.FAILURE]
    assert "already exists" in scene.forge.comments[0].body
    assert (scene.output("applied"), scene.output("pending")) == ("1", "1"), "seen to fail with 0 pending"
    scene.house.secrets["STAGING_DATABASE_URL"] += "_of_another"
    assert scene.run("push", push()) != 0
    assert scene.output("pending") == "unknown"


BY_ROWS = """do $$ begin
  if exists (select from red) then alter table red add surprise int; else alter table red add expected int; end if;
end $$;"""


@pytest.mark.slow
def test_what_is_not_what_a_copy_foretold_fails_and_stops_the_rollout(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scene.run("push", push()) == 0
    staging, production = (scene.house.secrets[f"{name}_DATABASE_URL"] for name in ("STAGING", "PRODUCTION"))
    scene.house.environment("staging", staging, "apply: {on: push}\nshadow: {extensions: []}\n")
    scene.house.environment("production", production, "after: staging\napply: {on: push}\nshadow: {extensions: []}\n")
    run(staging, "insert into red values (1)")
    scene.house.migration("002_by_rows", BY_ROWS)
    capsys.readouterr()
    assert scene.run("push", push()) == 1
    said = capsys.readouterr().out
    assert "::error title=ctgitops::staging: 1 migration applied, BUT THE SCHEMA DIFFERS FROM THE PREDICTION" in said
    assert "production: skipped, because staging differs from its prediction" in said
    assert scene.tables("production") == 0
    assert scene.forge.ends[-1][1] is DeploymentState.FAILURE
    for page in (scene.summary, html(scene.forge.comments[-1].body)):
        assert "-     column expected: integer" in page
        assert "+     column surprise: integer" in page
    assert "### ⛔ staging DIFFERS FROM THE PREDICTION" in scene.forge.comments[-1].body


@pytest.mark.slow
def test_what_is_as_a_copy_foretold_goes_on_and_what_nobody_could_foretell_is_told(scene: Scene) -> None:
    staging, production = (scene.house.secrets[f"{name}_DATABASE_URL"] for name in ("STAGING", "PRODUCTION"))
    run(production, "create table by_hand (id int, state varchar check (state in ('a', 'b')))")
    scene.house.environment("staging", staging, "apply: {on: push}\nshadow: {extensions: []}\n")
    scene.house.environment("production", production, "after: staging\napply: {on: push}\nshadow: {extensions: []}\n")
    scene.house.migration("002_more", "alter table red add more int;")
    assert scene.run("push", push()) == 0, scene.summary
    assert (scene.tables("staging"), scene.tables("production")) == (1, 2)
    assert "predicted" not in scene.summary
    for url in (staging, production):
        run(url, "insert into red values (1)")
    scene.house.migration(
        "003_rows", "insert into red select id + 1 from red; do $$ begin assert (select count(*) > 1 from red); end $$;"
    )
    assert scene.run("push", push()) == 0
    assert "the schema was not predicted: 003_rows: assertion failed" in scene.summary


def test_a_token_that_may_nothing_costs_warnings_and_not_the_run(scene: Scene) -> None:
    scene.forge.refuses = ("comment", "check", "deploy!", "pull_request_of")
    assert scene.run("push", push()) == 0
    assert scene.tables("staging") == 1
    assert scene.forge.ends == []


def test_a_release_writes_the_record_of_the_pull_requests_that_it_brings(scene: Scene) -> None:
    scene.run("push", push())
    assert "### ✅ Applied to staging · production waits for the next release" in scene.forge.comments[-1].body
    scene.house.migration("002_blue", "create table blue (id int primary key);", down="drop table blue;")
    scene.forge.merged_by = 43
    scene.run("push", push())
    assert [c.pull_request for c in scene.forge.comments] == [42, 43]
    assert "002" in scene.forge.comments[1].body
    assert "<code>001" not in scene.forge.comments[1].body.split("| migration |")[1].split("<details>", maxsplit=1)[0]
    assert scene.run("release", release()) == 0
    first, second = scene.forge.comments[2:]
    assert (first.pull_request, second.pull_request) == (43, 42)
    for comment, name in ((first, "002_blue"), (second, "001_red")):
        assert comment.body.startswith("### ✅ Applied to staging and production")
        assert name in comment.body


def test_what_a_run_does_not_bring_keeps_its_record(scene: Scene) -> None:
    scene.run("push", push())
    scene.run("release", release())
    scene.run("release", release())
    assert len(scene.forge.comments) == 2


def test_what_failed_is_in_the_record_with_what_came_before_it(scene: Scene) -> None:
    scene.house.migration("002_wrong", "create table red (id int);")
    scene.house.migration("003_late", "create table late (id int);")
    names = ("001_red", "002_wrong", "003_late")
    scene.forge.files = tuple(ChangedFile(f"migrations/{name}.sql", added=True) for name in names)
    assert scene.run("push", push()) == 6
    alert, table = scene.forge.comments[0].body.split("| migration |")
    assert "left no trace" in alert
    rows = {name: row for row in table.splitlines() for name in ("001", "002", "003") if f"<code>{name}_" in row}
    assert "✅ [20" in rows["001"]
    assert "⛔ <b>FAILED</b>" in rows["002"]
    assert "already exists" in rows["002"]
    assert "⏳ not applied: the run ended before this migration" in rows["003"]


def test_a_release_that_fails_tells_the_pull_request_that_it_failed_at(scene: Scene) -> None:
    scene.house.migration("002_blue", "create table blue (id int primary key);", down="drop table blue;")
    scene.run("push", push())
    url = scene.house.secrets["PRODUCTION_DATABASE_URL"]
    run(url, "create table blue (id int);")
    assert scene.run("release", release()) == 6
    (_, comment) = scene.forge.comments
    assert comment.pull_request == 42
    assert comment.body.startswith("### ⛔ Applied to staging · production FAILED")
    assert "002_blue left no trace" in comment.body
    assert "<code>001_red</code>" in comment.body


def test_a_release_that_ends_before_it_has_a_plan_is_on_the_record(scene: Scene) -> None:
    """Seen to fail: the record still said that production waits for an approval."""
    scene.run("push", push())
    url = scene.house.secrets["PRODUCTION_DATABASE_URL"]
    role = f"reads_{database_of(url)}"
    run(url, f"create role {role} login; grant pg_read_all_data to {role}")
    scene.house.secrets["PRODUCTION_DATABASE_URL"] = as_role(url, role)
    assert scene.run("release", release(), environment="production") == 4
    record = html(scene.forge.comments[-1].body)
    assert "production FAILED" in record
    assert "permission denied" in record


def test_what_went_well_in_a_run_that_fails_is_not_blamed(scene: Scene) -> None:
    scene.run("push", push())
    scene.run("release", release())
    scene.house.migration("002_index", "create index concurrently red_id on red (id);", down="drop index red_id;")
    scene.forge.merged_by = 43
    scene.run("push", push())
    scene.house.migration("003_blue", "create table blue (id int primary key);", down="drop table blue;")
    scene.forge.merged_by = 44
    scene.run("push", push())
    run(scene.house.secrets["PRODUCTION_DATABASE_URL"], "create table blue (id int);")
    before = len(scene.forge.comments)
    assert scene.run("release", release()) == 6
    bodies = {comment.pull_request: comment.body for comment in scene.forge.comments[before:]}
    assert bodies.keys() == {43, 44}
    assert bodies[43].startswith("### ✅ Applied to staging and production")
    assert "[!CAUTION]" not in bodies[43]
    assert bodies[44].startswith("### ⛔ Applied to staging · production FAILED")


def test_a_rollback_is_on_record_where_the_migration_came_from(scene: Scene) -> None:
    scene.run("push", push())
    asked = {"command": "rollback", "environment": "staging", "to": "0"}
    assert scene.run("workflow_dispatch", payload_of("workflow_dispatch"), **asked) == 0
    comment = scene.forge.comments[-1]
    assert comment.pull_request == 42
    assert comment.body.startswith("### ↩️ Rolled back on staging · production waits")


def test_a_rollback_that_is_refused_before_its_approval_fails(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """Seen to fail with a green run whose headline said `dry run`, although a person had asked for the rollback."""
    scene.run("push", push())
    run(scene.house.secrets["STAGING_DATABASE_URL"], "insert into red values (1)")
    asked = {"command": "rollback", "environment": "staging", "to": "0", "dry_run": "true"}
    by_hand = payload_of("workflow_dispatch")
    assert scene.run("workflow_dispatch", by_hand, **asked, on_wait="fail") == 5
    assert (scene.output("fingerprint"), scene.output("blocked")) == ("none", "true")
    assert "WAITS, nothing was changed" in scene.summary
    assert "::error title=ctgitops::staging waits: rollback of 001_red destroys data" in capsys.readouterr().out
    assert "accept-data-loss: 001_red" in html(scene.summary)
    assert scene.run("workflow_dispatch", by_hand, **asked, on_wait="auto") == 0
    assert "dry run, nothing was changed" in scene.summary.split("WAITS")[-1]
    assert scene.run("workflow_dispatch", by_hand, **asked, on_wait="fail", accept_data_loss="001") == 0
    assert len(scene.output("fingerprint")) == 64


def test_a_person_accepts_on_github_what_was_rolled_back(scene: Scene) -> None:
    scene.run("push", push())
    by_hand = payload_of("workflow_dispatch")
    assert scene.run("workflow_dispatch", by_hand, command="rollback", environment="staging", to="0") == 0
    assert scene.run("push", push()) == 4
    assert scene.tables("staging") == 0
    given = {"command": "repair", "environment": "staging", "again": "001", "reason": "the cause is corrected"}
    assert scene.run("workflow_dispatch", by_hand | {"inputs": given}) == 0
    comment = scene.forge.comments[-1]
    assert comment.pull_request == 42
    assert "to be applied again: the cause is corrected" in comment.body
    assert scene.run("push", push()) == 0
    assert scene.tables("staging") == 1


def test_where_there_can_be_no_plan_the_comment_says_why(scene: Scene) -> None:
    scene.run("pull_request", opened())
    for manifest in (scene.house.root / "environments").iterdir():
        manifest.unlink()
    assert scene.run("pull_request", opened()) == 2
    assert "environments/ has no valid manifest" in scene.forge.comments[-1].body
    assert len(scene.forge.comments) == 2


def test_a_release_promotes_what_staging_has(scene: Scene) -> None:
    assert scene.run("release", release()) == 5
    assert scene.tables("production") == 0
    assert scene.forge.queued == [(1, "waits because staging does not have 001_red yet")]
    scene.forge.deployments.clear()
    scene.run("push", push())
    assert scene.run("release", release()) == 0
    assert scene.tables("production") == 1
    assert scene.forge.deployments[-1].production
    assert scene.forge.deployments[-1].sha == MAIN


def test_a_tag_that_is_not_on_the_default_branch_is_refused(scene: Scene) -> None:
    scene.run("push", push())
    scene.forge.on_branch = False
    assert scene.run("release", release()) == 5
    assert "is not on" in scene.summary
    assert scene.tables("production") == 0


def test_a_tag_that_names_another_commit_by_now_is_refused(scene: Scene) -> None:
    scene.run("push", push())
    scene.forge.tags["v1.0.0"] = "f" * 40
    for event, payload in (
        ("release", release()),
        ("push", payload_of("push.tag") | {"ref": "refs/tags/v1.0.0"}),
        ("workflow_dispatch", payload_of("workflow_dispatch") | {"ref": "refs/tags/v1.0.0"}),
    ):
        assert scene.run(event, payload, command="apply", environment="production") == 5
        assert "the tag was moved" in scene.summary
    assert scene.tables("production") == 0


def strict(scene: Scene, how: str = "required") -> None:
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    scene.house.environment("staging", url, f"apply: {{on: push}}\nreviewed: {how}\n")


def test_what_a_merged_pull_request_showed_is_applied(scene: Scene) -> None:
    strict(scene)
    assert scene.run("pull_request", opened()) == 0
    assert "in no plan" not in html(scene.forge.comments[-1].body)
    assert scene.run("push", push()) == 0
    assert scene.tables("staging") == 1


def test_what_nobody_saw_is_not_applied(scene: Scene) -> None:
    strict(scene)
    scene.run("pull_request", opened())
    scene.house.migration("001_red", "create table redder (id int primary key);", down="drop table redder;")
    assert scene.run("push", push()) == 5
    assert "no merged pull request showed the current text of `migrations/001_red.sql`" in html(
        scene.forge.comments[-1].body
    ).replace("<code>", "`").replace("</code>", "`")
    assert scene.tables("staging") == 0
    scene.house.migration("001_red", "create table red (id int primary key);", down="drop table red; select 1;")
    assert scene.run("push", push()) == 5
    assert scene.tables("staging") == 0


def test_a_plan_for_people_who_approve_says_what_nobody_saw(scene: Scene) -> None:
    strict(scene)
    assert scene.run("push", push(), command="plan", environment="staging") == 5
    assert "no merged pull request showed the current text of" in html(scene.summary)
    assert scene.output("fingerprint") == "none"


def test_what_nobody_saw_costs_a_warning_where_the_manifest_says_so(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    strict(scene, "warn")
    assert scene.run("push", push()) == 0
    assert scene.tables("staging") == 1
    assert (
        "::warning title=ctgitops::staging: no merged pull request showed the current text of"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize("how", ["refused", "without a token"])
def test_a_gate_that_could_not_look_says_so_and_waits(scene: Scene, how: str) -> None:
    strict(scene)
    scene.forge.refuses = ("seen",)
    token = {"github_token": ""} if how == "without a token" else {}
    assert scene.run("push", push(), **token) == 5
    assert "cannot check whether a merged pull request showed these files in its plan" in html(scene.summary)
    assert scene.tables("staging") == 0


def test_a_fingerprint_that_people_approve_is_the_plan_of_one_environment_that_has_something_to_do(
    scene: Scene,
) -> None:
    def planned(**inputs: str) -> str:
        (scene.files / "output").write_text("")
        assert scene.run("push", push(), command="plan", **inputs) == 0
        return outputs((scene.files / "output").read_bytes().decode())["fingerprint"]

    approved = planned(environment="staging")
    assert len(approved) == 64
    assert planned() == "none"
    apply = {"command": "apply", "environment": "staging"}
    assert scene.run("push", push(), **apply, fingerprint="none") == 5
    assert scene.run("push", push(), **apply, require_fingerprint="true") == 2
    assert scene.run("push", push(), **apply, require_fingerprint="true", fingerprint="") == 2
    assert scene.tables("staging") == 0
    scene.house.migration("002_blue", "create table blue (id int primary key);")
    assert scene.run("push", push(), **apply, require_fingerprint="true", fingerprint=approved) == 5
    assert scene.tables("staging") == 0
    approved = planned(environment="staging")
    assert scene.run("push", push(), **apply, require_fingerprint="true", fingerprint=approved) == 0
    assert scene.tables("staging") == 2
    assert planned(environment="staging") == "none"
    assert scene.run("push", push(), **apply, require_fingerprint="true", fingerprint="none") == 0


def test_a_closed_pull_request_gets_its_last_word(scene: Scene) -> None:
    closed = payload_of("pull_request.closed")
    assert scene.run("pull_request", changed(closed, "pull_request.merged", False)) == 0
    assert "Closed without being merged" in scene.forge.comments[-1].body
    assert scene.run("pull_request", changed(closed, "pull_request.merged", True)) == 0
    assert len(scene.forge.comments) == 1


def test_a_fork_s_pull_request_is_told_nothing_on_the_forge(scene: Scene) -> None:
    """Its token may only read."""
    assert scene.run("pull_request", changed(opened(), "pull_request.head.repo", None)) == 0
    assert scene.forge.comments == []
    assert scene.forge.checks == []


def test_a_secret_is_in_nothing_that_the_forge_is_told(scene: Scene) -> None:
    """The runner hides secrets in its log; nobody hides them in what is sent to the API."""
    scene.house.secrets["STAGING_DATABASE_URL"] += "&application_name=hidden-word"
    secret = scene.house.secrets["STAGING_DATABASE_URL"]
    scene.house.migration("002_wrong", f"-- {secret} ghs_token\nselect 'ghs_token'::int; -- ghs_token")
    scene.run("pull_request", opened())
    assert scene.run("push", push()) == 6
    told = repr((scene.forge.comments, scene.forge.checks, scene.forge.deployments, scene.forge.ends))
    assert "002" in told
    assert "invalid input syntax" in scene.forge.ends[0][2]
    assert secret not in told
    assert "ghs_token" not in told


def test_a_bug_still_writes_the_summary(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("##[error]ghs_token <b>::error::</b>")

    monkeypatch.setattr("ctgitops.action.planning.plan_verb", broken)
    assert scene.run("pull_request", opened()) == 1
    assert "Unexpected error" in scene.summary
    assert "ghs_token" not in scene.summary


def test_a_release_into_a_closed_window_is_on_the_record_of_what_it_brings(scene: Scene) -> None:
    scene.run("push", push())
    soon = WEEKDAYS[(datetime.now(UTC).weekday() + 3) % 7]
    shut = f"windows: [{{days: [{soon}], from: '00:00', to: '00:01', timezone: UTC}}]\n"
    url = scene.house.secrets["PRODUCTION_DATABASE_URL"]
    scene.house.environment("production", url, f"after: staging\napply: {{on: release, tags: 'v*'}}\n{shut}")
    assert scene.run("release", release()) == 5
    page = scene.forge.comments[-1]
    assert page.pull_request == 42
    assert page.body.startswith("### ✅ Applied to staging · production WAITS for its window, nothing was changed")
    assert "re-run the job" in page.body


def test_a_re_run_of_an_older_merge_says_which_run_to_start_instead(scene: Scene) -> None:
    """Seen to fail with `git pull`, which does nothing on GitHub."""
    scene.house.migration("002_blue", "create table blue ();")
    assert scene.run("push", push()) == 0
    scene.house.remove("002_blue")
    assert scene.run("push", push()) == 4
    page = html(scene.summary)
    (url,) = fetch(scene.house.secrets["STAGING_DATABASE_URL"], "select distinct run_url from ctgitops.ledger")[0]
    assert f"re-run the newest run, <code>{url}</code> or a later one, because this run is for an older" in page
    assert "git pull" not in page


def test_a_mistake_in_another_manifest_is_named_where_the_record_says_blocked(scene: Scene) -> None:
    """Seen to fail with `staging is BLOCKED` alone, although the mistake is in the manifest of production."""
    url = scene.house.secrets["PRODUCTION_DATABASE_URL"]
    wrong = "windows: [{days: [mon], from: '25:00', to: '26:00', timezone: UTC}]\n"
    scene.house.environment("production", url, f"after: staging\napply: {{on: release, tags: 'v*'}}\n{wrong}")
    assert scene.run("push", push()) == 3
    first = html(scene.forge.comments[-1].body).split("\n", 1)[0]
    said = "staging is BLOCKED, nothing was changed: <code>environments/production.yaml</code>: <code>windows"
    assert first.startswith(f"### ⛔ {said}")
    assert "BLOCKED by 2 problems in environments/production.yaml, nothing was changed" in html(scene.summary)
    scene.house.environment("production", url, "after: staging\napply: {on: release, tags: 'v*'}\n")
    scene.forge.merged_by, scene.forge.brought = 43, {"migrations/001_red.sql": 42}
    scene.forge.files_by = {43: (ChangedFile("environments/production.yaml", added=False),)}
    assert scene.run("push", changed(push(), "after", "b" * 40)) == 0
    pages = {comment.pull_request: comment.body for comment in scene.forge.comments}
    assert pages[42].startswith("### ✅ Applied to staging"), "seen to fail with BLOCKED, as only 43 was updated"


def test_a_refused_pull_request_whose_migration_gets_another_number_waits_for_nothing(scene: Scene) -> None:
    """Seen to fail when the record of the first one stayed BLOCKED for ever, though its advice was followed."""
    red, other, again = (f"migrations/{name}.sql" for name in ("001_red", "001_blue", "002_blue"))
    assert scene.run("push", push()) == 0
    scene.forge.merged_by, scene.forge.brought = 43, {other: 43}
    scene.forge.files_by = {42: (ChangedFile(red, added=True),), 43: (ChangedFile(other, added=True),)}
    scene.house.migration("001_blue", "create table blue ();")
    assert scene.run("push", changed(push(), "after", "b" * 40)) == 3
    assert "staging is BLOCKED" in scene.forge.comments[-1].body
    scene.house.remove("001_blue")
    scene.house.migration("002_blue", "create table blue ();")
    scene.forge.merged_by = 44
    scene.forge.files_by[44] = (ChangedFile(again, added=True), ChangedFile(other, added=False))
    before = len(scene.forge.comments)
    assert scene.run("push", changed(push(), "after", "c" * 40)) == 0
    pages = {comment.pull_request: html(comment.body) for comment in scene.forge.comments[before:]}
    assert set(pages) == {43, 44}
    assert pages[43].startswith("### ⚪ No environment applies the migration: its file was removed\n")
    assert "open a pull request" not in pages[43]
    assert "1 migration applied" not in pages[43]
    assert pages[44].startswith("### ✅ Applied to staging")


@pytest.mark.parametrize("listed", [True, False])
def test_a_re_run_of_an_older_merge_keeps_the_record_of_a_later_pull_request(scene: Scene, *, listed: bool) -> None:
    """Seen to fail: the later record listed the migration of the older merge, and said that staging had applied it."""
    staging = scene.house.secrets["STAGING_DATABASE_URL"]
    assert scene.run("push", push()) == 0
    run(staging, "insert into red values (1)")
    paths = {number: f"migrations/{name}.sql" for number, name in ((43, "002_empty"), (44, "003_blue"))}
    scene.forge.files_by = {number: (ChangedFile(path, added=True),) for number, path in paths.items()}
    scene.house.migration("002_empty", "do $$ begin if exists (select from red) then raise 'rows'; end if; end $$;")
    for number, sha in ((43, "b" * 40), (44, "c" * 40)):
        scene.forge.merged_by = number
        if number == 44:
            scene.house.migration("003_blue", "create table blue ();")
        assert scene.run("push", changed(push(), "after", sha)) == 6
    run(staging, "truncate red")
    files = (path for path in scene.house.root.rglob("*") if path.is_file())
    scene.forge.commits["tip of master"] = {str(f.relative_to(scene.house.root)): f.read_bytes() for f in files}
    scene.house.remove("003_blue")
    scene.forge.merged_by, before = 43, len(scene.forge.comments)
    scene.forge.refuses = () if listed else ("tip_of",)
    assert scene.run("push", changed(push(), "after", "b" * 40)) == 0
    pages = {comment.pull_request: html(comment.body) for comment in scene.forge.comments[before:]}
    assert pages[43].startswith("### ✅ Applied to staging")
    later = pages.get(44, "")
    assert "002_empty" not in later.split("<details>")[0].split("| migration |")[-1]
    assert "Applied to staging" not in later
    assert ("003_blue" in later, "staging FAILED" in later) == (listed, listed)


def test_the_next_run_closes_what_a_killed_run_left_and_not_what_began_later(scene: Scene) -> None:
    killed, later = Deployment("staging", MAIN, "killed"), Deployment("staging", MAIN, "later")
    scene.forge.deployments += [killed, later]
    scene.forge.states += [(n, DeploymentState.IN_PROGRESS, "https://github.example/run") for n in (1, 2)]
    scene.forge.created[2] = datetime.now(UTC) + timedelta(hours=1)
    assert scene.run("push", push()) == 0
    assert {number: state for number, state, _ in scene.forge.states} == {
        1: DeploymentState.ERROR,
        2: DeploymentState.IN_PROGRESS,
        3: DeploymentState.SUCCESS,
    }


@pytest.mark.parametrize("state", [DeploymentState.IN_PROGRESS, DeploymentState.FAILURE])
def test_a_run_that_finds_all_of_it_applied_says_that_the_deployment_succeeded(
    scene: Scene, state: DeploymentState
) -> None:
    """Seen to fail when a run that was killed after its last commit left a failed deployment for ever."""
    assert scene.run("push", push()) == 0
    sha = scene.forge.deployments[0].sha
    scene.forge.states.append((1, state, "https://github.example/run"))
    assert scene.run("push", push()) == 0
    assert {number: state for number, state, _ in scene.forge.states} == {1: DeploymentState.SUCCESS}
    scene.forge.deployments.append(Deployment("staging", "e" * 40, "of a newer commit"))
    scene.forge.states += [(1, state, ""), (2, state, "")]
    assert scene.run("push", push()) == 0
    states = {number: state for number, state, _ in scene.forge.states}
    assert sha != "e" * 40
    assert DeploymentState.SUCCESS not in states.values(), "what is deployed is not known to be this commit"


def test_the_summary_has_the_result_before_the_deployments_are_updated(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub may answer slowly, and a cancelled run has 9 seconds."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DeploymentLog, "close_lost", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scene.run("push", push())
    assert "staging: 1 migration applied" in scene.summary
    assert [state for _, state, _ in scene.forge.ends] == [DeploymentState.SUCCESS], "seen to fail with `interrupted`"


def test_a_run_cancelled_after_its_last_migration_does_not_say_that_it_changed_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen to fail when the signal came while the check run was updated, before the result was stored."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ctgitops.action.live_check.RunningCheck.end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scene.run("push", push())
    assert "this run completed 001_red" in html(scene.summary)
    assert "this run changed nothing" not in scene.summary


def test_a_newer_apply_ends_the_wait_of_older_queued_deployments_only(scene: Scene) -> None:
    scene.forge.deployments += [Deployment("staging", "d" * 40, "waits"), Deployment("production", "d" * 40, "waits")]
    scene.forge.states += [(n, DeploymentState.QUEUED, "https://github.example/run") for n in (1, 2)]
    scene.run("push", push())
    states = {number: state for number, state, _ in scene.forge.states}
    assert states == {1: DeploymentState.INACTIVE, 2: DeploymentState.QUEUED, 3: DeploymentState.SUCCESS}


def test_a_rollback_does_not_deploy_the_tip(scene: Scene) -> None:
    scene.run("push", push())
    scene.house.migration("002_blue", "create table blue (id int primary key);", down="drop table blue;")
    assert scene.run("push", changed(push(), "after", "b" * 40)) == 0
    asked = {"command": "rollback", "environment": "staging", "to": "001"}
    assert scene.run("workflow_dispatch", payload_of("workflow_dispatch"), **asked) == 0
    states = {number: state for number, state, _ in scene.forge.states}
    assert states[2] is DeploymentState.INACTIVE, "the tip has the migration that was rolled back"


@pytest.mark.slow
def test_receivers_get_the_result_with_the_links_of_the_run_and_no_secret(scene: Scene) -> None:
    with serving() as heard:
        url = scene.house.secrets["STAGING_DATABASE_URL"]
        scene.house.environment("staging", url, 'apply: {on: push}\nnotify: [{webhook: "${HOOK_URL}"}]\n')
        scene.house.secrets |= {"HOOK_URL": heard.url, "APP_PASSWORD": "hunter2hunter2"}
        assert scene.run("push", push()) == 0
        scene.house.migration("002_wrong", "select 'hunter2hunter2'::int;")
        assert scene.run("push", push()) == 6
    applied, failed = (json.loads(body) for _, body in heard.requests)
    assert (applied["event"], applied["pull_request"]) == ("applied", 42)
    assert applied["run_url"]
    assert failed["event"] == "failed"
    assert "hunter2" not in json.dumps(failed)

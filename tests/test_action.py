"""Whole runs of the Action: the real command with a runner's files and variables, on a real PostgreSQL."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.github.scripted import Fault, Scripted
from tests.github.scripted import running as github
from tests.github.test_event import changed, commented, payload_of
from tests.github.test_runner import commands, outputs
from tests.report.test_hostile import EVIL, harmless
from tests.servers import fetch, run
from tests.stories.house import House, Run, Running, forms_of

RED = "create table red (id int primary key);"
BLUE = "create table blue (id int primary key);"
MAIN = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"


UNMERGED = ("pull_request", "merge_group")
NAMED = ("plan", "apply", "status", "check")


def merged(hub: Scripted, house: House, payload: dict[str, Any]) -> None:
    """The base branch has the manifests that the repository has now."""
    base = payload["merge_group"]["base_sha"] if "merge_group" in payload else payload["pull_request"]["base"]["sha"]
    files = {path.name: path.read_bytes() for path in (house.root / "environments").iterdir()}
    inside = [
        {"path": name, "mode": "100644", "type": "blob", "sha": f"blob-{number}", "size": len(content)}
        for number, (name, content) in enumerate(files.items())
    ]
    top = [{"path": "environments", "mode": "040000", "type": "tree", "sha": "manifests"}]
    hub.canned[f"/git/trees/{base}"] = {"sha": base, "tree": top, "truncated": False}
    hub.canned["/git/trees/manifests"] = {"sha": "manifests", "tree": inside, "truncated": False}
    for number, content in enumerate(files.values()):
        text = b64encode(content).decode()
        hub.canned[f"/git/blobs/blob-{number}"] = {"sha": f"blob-{number}", "content": text, "encoding": "base64"}


@dataclass
class Step:
    """A step of a workflow, on a runner that gives it files to write into."""

    house: House
    files: Path

    def start(
        self, event: str, payload: dict[str, Any], environ: dict[str, str] | None = None, **inputs: str
    ) -> Running:
        return self.house.start("action", environ={**self._environ(event, payload, inputs), **(environ or {})})

    def _environ(self, event: str, payload: dict[str, Any], inputs: dict[str, str]) -> dict[str, str]:
        self.files.mkdir(exist_ok=True)
        for name in ("output", "summary"):
            (self.files / name).write_text("")
        (self.files / "event.json").write_text(json.dumps(payload))
        given = {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()}
        return given | {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "anna-lindqvist",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(self.files / "event.json"),
            "GITHUB_OUTPUT": str(self.files / "output"),
            "GITHUB_REPOSITORY": "constructtrack/database",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "1",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": MAIN,
            "GITHUB_STEP_SUMMARY": str(self.files / "summary"),
            "GITHUB_WORKSPACE": str(self.house.root),
        }

    def run(
        self, event: str, payload: dict[str, Any] | None = None, environ: dict[str, str] | None = None, **inputs: str
    ) -> Run:
        if event not in UNMERGED or "github_token" in inputs:
            return self.ended(event, payload or {}, environ or {}, **inputs)
        with github() as hub:  # what is not merged connects only to what the base branch names
            merged(hub, self.house, payload or {})
            hub.faults += [Fault("POST", "/check-runs", 403, "Resource not accessible by integration")]
            given = {"GITHUB_API_URL": hub.url, **(environ or {})}
            return self.ended(event, payload or {}, given, github_token="ours", **inputs)

    def ended(self, event: str, payload: dict[str, Any], environ: dict[str, str], **inputs: str) -> Run:
        ended = self.house.unchecked("action", environ={**self._environ(event, payload, inputs), **environ})
        out, err = ended.out, ended.err
        # The runner hides a secret because of these lines, so they alone may hold one, before any other.
        masks = [line for line in out.splitlines() if line.startswith("::add-mask::")]
        assert out.startswith("".join(f"{mask}\n" for mask in masks))
        rest = "\n".join(line for line in out.splitlines() if line not in masks)
        everywhere = rest + err + self.summary + (self.files / "output").read_text() + self.plan_file
        for url in self.house.secrets.values():
            assert [form for form in forms_of(url) if form in everywhere] == []
        return ended

    @property
    def summary(self) -> str:
        return (self.files / "summary").read_text()

    @property
    def outputs(self) -> dict[str, str]:
        return outputs((self.files / "output").read_bytes().decode())

    @property
    def plan_file(self) -> str:
        path = self.house.root / "ctgitops-plan.json"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def step(tmp_path: Path, make_database: Callable[[], str]) -> Step:
    """A repository with two environments, and one migration that neither has."""
    house = House(tmp_path / "repository")
    house.policy("header: optional\n")
    house.environment("staging", make_database(), "apply: {on: push}\n")
    house.environment("production", make_database(), "after: staging\napply: {on: release, tags: 'v*'}\n")
    house.migration("001_red", RED, down="drop table red;")
    return Step(house, tmp_path / "runner")


def tables(step: Step, name: str) -> list[str]:
    url = step.house.secrets[f"{name.upper()}_DATABASE_URL"]
    return [str(r[0]) for r in fetch(url, "select tablename from pg_tables where schemaname = 'public' order by 1")]


def push() -> dict[str, Any]:
    return payload_of("push.branch")


def said(run: Run) -> list[str]:
    """Commands of ours, without the masks."""
    return [line for line in commands(run.said) if not line.startswith("::add-mask::")]


# Each event. ------------------------------------------------------------------------------------------------------


def test_a_pull_request_plans_every_environment(step: Step) -> None:
    run = step.run("pull_request", payload_of("pull_request.opened"))
    assert run.status == 0, run.said
    assert step.outputs["pending"] == "1"
    assert step.outputs["blocked"] == "false"
    plans = json.loads((step.house.root / step.outputs["plan"]).read_text())["plans"]
    assert [plan["environment"] for plan in plans] == ["staging", "production"]
    assert "001" in step.summary
    assert "::group::Plan" in said(run)
    assert tables(step, "staging") == []


@pytest.mark.slow
def test_a_merge_group_is_planned(step: Step) -> None:
    assert step.run("merge_group", payload_of("merge_group.checks_requested")).status == 0
    assert step.outputs["pending"] == "1"


@pytest.mark.slow
def test_a_push_applies_what_waits_for_pushes(step: Step) -> None:
    run = step.run("push", push())
    assert run.status == 0, run.said
    assert (tables(step, "staging"), tables(step, "production")) == (["red"], [])
    assert sum("`github-token` is empty" in line for line in said(run)) == 1
    assert step.outputs["applied"] == "1"
    assert "1 migration applied" in step.summary
    assert "001_red" in run.out

    again = step.run("push", push())
    assert again.status == 0
    assert step.outputs["applied"] == "0"
    assert "up to date, nothing applied" in step.summary


@pytest.mark.slow
def test_a_dry_run_applies_nothing(step: Step) -> None:
    assert step.run("push", push(), dry_run="true").status == 0
    assert step.outputs["pending"] == "1"
    assert tables(step, "staging") == []


@pytest.mark.slow
def test_a_push_elsewhere_says_that_it_did_nothing(step: Step) -> None:
    run = step.run("push", push() | {"ref": "refs/heads/topic"})
    assert run.status == 0
    assert "Nothing was done: topic is not the default branch, master." in run.out
    assert "Nothing was done" in step.summary


@pytest.mark.slow
def test_a_tag_without_a_token_proves_nothing_and_fails(step: Step) -> None:
    for event, payload in (("push", payload_of("push.tag")), ("release", payload_of("release.released"))):
        for name, tag in (("push", "ref"), ("release", "release.tag_name")):
            if name == event:
                changed(payload, tag, "refs/tags/v1.0.0" if name == "push" else "v1.0.0")
        run = step.run(event, payload)
        assert run.status == 8, run.said
        assert "cannot check whether the tag v1.0.0 is on master" in step.summary
        assert tables(step, "production") == []


def test_a_moved_tag_is_refused(step: Step) -> None:
    payload = payload_of("push.tag") | {"ref": "refs/tags/v1.0.0", "created": False, "forced": True}
    assert step.run("push", payload).status == 2
    assert "was moved" in step.summary


@pytest.mark.slow
def test_a_person_starts_it_and_says_what(step: Step) -> None:
    payload = payload_of("workflow_dispatch")
    assert step.run("workflow_dispatch", payload).status == 2
    assert "needs a command" in step.summary

    given = payload | {"inputs": {"command": "apply", "environment": "staging", "root": "elsewhere"}}
    assert step.run("workflow_dispatch", given).status == 0
    assert tables(step, "staging") == ["red"]
    shown = step.run("workflow_dispatch", payload, command="rollback", environment="staging", to="0", dry_run="true")
    assert shown.status == 0, shown.said
    assert "dry run, nothing was changed" in step.summary
    assert tables(step, "staging") == ["red"]
    back = step.run("workflow_dispatch", payload, command="rollback", environment="staging", to="0")
    assert back.status == 0, back.said
    assert tables(step, "staging") == []


@pytest.mark.slow
def test_a_comment_without_a_token_is_nobody_s(step: Step) -> None:
    run = step.run("issue_comment", commented("/ctgitops apply staging"))
    assert run.status == 8, run.said
    assert "cannot check whether Codertocat has write access" in step.summary
    assert tables(step, "staging") == []


@pytest.mark.slow
def test_status_and_check_by_name(step: Step) -> None:
    assert step.run("push", push(), command="status").status == 0
    assert "production" in step.summary
    assert step.run("push", push(), command="check").status == 0
    assert "1 migration, 2 environments, no problems" in " ".join(step.summary.replace("&#46;", ".").split())


@pytest.mark.slow
def test_a_fingerprint_is_the_only_plan_that_is_applied(step: Step) -> None:
    assert step.run("push", push(), command="plan", environment="staging").status == 0
    fingerprint = step.outputs["fingerprint"]
    refused = step.run("push", push(), command="apply", environment="staging", fingerprint="0" * 64)
    assert refused.status == 5
    assert any(line.startswith("::warning") and "staging waits" in line for line in said(refused))
    assert step.run("push", push(), command="apply", environment="staging", fingerprint=fingerprint).status == 0


@pytest.mark.slow
def test_a_pull_request_from_its_opening_to_the_record_on_a_github(step: Step) -> None:
    merge = {"number": 2, "merged_at": "2026-11-24T09:30:00Z", "merge_commit_sha": MAIN}
    merge |= {"base": {"ref": "master", "repo": {"default_branch": "master"}}}
    with github() as hub:
        hub.canned[f"/commits/{MAIN}/pulls"] = [merge]
        merged(hub, step.house, payload_of("pull_request.opened"))
        merged(hub, step.house, payload_of("pull_request.synchronize"))
        given = {"GITHUB_API_URL": hub.url, "GITHUB_REPOSITORY": "o/r"}

        def at(number: int, event: str, payload: dict[str, Any]) -> Run:
            return step.run(event, payload, {**given, "GITHUB_RUN_ID": str(number)}, github_token="ours")

        assert at(1, "pull_request", payload_of("pull_request.opened")).status == 0
        step.house.migration("002_blue", BLUE)
        assert at(2, "pull_request", payload_of("pull_request.synchronize")).status == 0
        (comment,) = hub.comments
        assert "2 migrations" in comment["body"]
        assert at(3, "push", push()).status == 0
        (comment,) = hub.comments
        assert "2 migrations applied" in comment["body"]
        assert len(hub.made["deployments"]) == 1
        assert [row["state"] for row in hub.made["statuses"]][-1] == "success"
        assert step.outputs["comment-url"]

        hub.logins.clear()
        run = at(4, "push", push())
        assert run.status == 0
        assert any("Bad credentials" in line for line in said(run) if line.startswith("::warning")), run.said


# What must not happen. --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["pull_request", pytest.param("merge_group", marks=pytest.mark.slow)])
def test_what_is_not_merged_is_never_applied(step: Step, event: str) -> None:
    payload = payload_of({"pull_request": "pull_request.opened"}.get(event, "merge_group.checks_requested"))
    for command in ("apply", "rollback"):
        run = step.run(event, payload, command=command, environment="staging", to="1" if command == "rollback" else "")
        assert run.status == 2
        assert "only merged commits are applied" in step.summary
    assert tables(step, "staging") == []


@pytest.mark.parametrize("command", ["auto", *(pytest.param(c, marks=pytest.mark.slow) for c in NAMED)])
def test_a_fork_gets_a_check_of_its_files_and_nothing_else(step: Step, command: str) -> None:
    payload = changed(payload_of("pull_request.opened"), "pull_request.head.repo.id", 5)
    for name in step.house.secrets:
        step.house.secrets[name] = "postgresql://nobody:unreachable@127.0.0.1:1/none"
    run = step.run("pull_request", payload, command=command, environment="staging")
    assert run.status == 0, run.said
    assert "comes from a fork" in step.summary
    assert "127.0.0.1" not in run.said.replace("postgresql://nobody:unreachable@127.0.0.1:1/none", "")


@pytest.mark.parametrize("command", ["auto", *(pytest.param(c, marks=pytest.mark.slow) for c in ("plan", "check"))])
def test_pull_request_target_is_refused(step: Step, command: str) -> None:
    run = step.run("pull_request_target", payload_of("pull_request.opened"), command=command)
    assert run.status == 2
    assert "pull_request_target" in run.said


@pytest.mark.slow
def test_an_unknown_event_is_refused_and_plans_where_it_is_told_to(step: Step) -> None:
    assert step.run("deployment", {}).status == 2
    assert step.run("deployment", {}, command="apply", environment="staging").status == 2
    assert step.run("deployment", {}, command="plan", environment="staging").status == 0


@pytest.mark.parametrize("text", ["{", *(pytest.param(t, marks=pytest.mark.slow) for t in ("", "[]", "[" * 100_000))])
def test_no_event_is_no_traceback(step: Step, text: str) -> None:
    step.files.mkdir()
    (step.files / "bad.json").write_text(text)
    run = step.run("push", environ={"GITHUB_EVENT_PATH": str(step.files / "bad.json")})
    assert run.status == 2
    assert "cannot be read as JSON" in step.summary


@pytest.mark.slow
def test_a_wrong_input_names_itself(step: Step) -> None:
    run = step.run("push", push(), command="aply")
    assert run.status == 2
    assert "did you mean `apply`" in run.said
    assert "command" in step.summary


def test_a_password_is_masked_first_and_shown_nowhere(step: Step, tcp_server: LocalServer) -> None:
    address = tcp_server.create_database("masked").url
    good = address.split("@", maxsplit=1)[1]
    for secret in (f"postgresql://postgres:wr%2Fong%40word@{good}", f"postgresql://nobody:wr%2Fong%40word@{good}"):
        step.house.secrets["STAGING_DATABASE_URL"] = secret
        run = step.run("push", push())
        assert run.status == 4, run.said
        masks = [line.removeprefix("::add-mask::") for line in run.out.splitlines() if "add-mask" in line]
        assert {"wr/ong@word", "wr%252Fong%2540word"} <= set(masks)
        assert "wr/ong" not in run.out.split("::add-mask::")[-1].split("\n", maxsplit=1)[1] + step.summary


@pytest.mark.slow
@pytest.mark.parametrize("line", ["::add-mask::hello", "##[error]evil", "  ::stop-commands::t"])
def test_sql_that_looks_like_a_command_is_none(step: Step, line: str) -> None:
    """In comments, in a NOTICE, in an error's text."""
    text = f"\n{line}\n```\n@octocat #1 </code><img src=x> [l](https://evil.example)\n"
    raised = f"raise notice '{text}'; raise exception '{text}';"
    step.house.migration("002_evil", f"/* {text} */\ndo $$ begin {raised} end $$;")
    ours = (
        "::warning title=ctgitops::the input",
        "::warning title=ctgitops::could not create the check run",
        "::warning title=ctgitops::could not list the",
        "::group::",
        "::endgroup::",
        "::error file=migrations/002_evil.sql",
        "::warning file=migrations/002_evil.sql",
    )
    for event, payload in (("pull_request", payload_of("pull_request.opened")), ("push", push())):
        run = step.run(event, payload)
        assert [command for command in said(run) if not command.startswith(ours)] == []
        harmless(step.summary)
    assert run.status == 6
    assert "octocat" in step.summary


@pytest.mark.slow
def test_an_input_s_value_is_no_command_and_no_markup(step: Step) -> None:
    for trick in EVIL[:6]:
        run = step.run("push", push(), command=trick.replace("\0", "") + "\n::add-mask::x")
        assert run.status == 2
        assert len(said(run)) == 1
        harmless(step.summary)


@pytest.mark.slow
def test_a_secret_in_the_wrong_input_is_not_shown(step: Step) -> None:
    """`run` of these tests looks for it everywhere."""
    step.house.secrets["STAGING_DATABASE_URL"] = "postgresql://app:s3cr%2Fet@db.example.com/main"
    for value in ("postgresql://app:s3cr%2Fet@db.example.com/main", "s3cr/et"):
        assert step.run("push", push(), command=value).status == 2
        assert "***" in step.summary.replace("&#42;", "*")


@pytest.mark.slow
def test_a_file_s_name_is_no_command_and_no_markup(step: Step) -> None:
    step.house.write("migrations/##[error]@octocat::,%0A::error::|`<i>.sql", RED)
    step.house.write("environments/::error::x.yaml", "environment: [\n")
    run = step.run("pull_request", payload_of("pull_request.opened"))
    assert run.status != 0
    starts = ("::group::Plan", "::endgroup::", "::error file=", "::error title=", "::warning ")
    assert [command for command in said(run) if not command.startswith(starts)] == []
    harmless(step.summary)


@pytest.mark.slow
def test_a_link_to_another_file_is_not_read(step: Step) -> None:
    (step.house.root / "migrations" / "002_link.sql").symlink_to("/proc/self/environ")
    run = step.run("pull_request", payload_of("pull_request.opened"))
    assert run.status == 3
    assert "symbolic link" in step.summary
    assert "GITHUB_RUN_ID" not in run.said + step.summary


@pytest.mark.slow
def test_a_problem_is_marked_at_its_line(step: Step) -> None:
    step.house.migration("003_blue", BLUE + "\n\nselect from from;")
    run = step.run("pull_request", payload_of("pull_request.opened"))
    assert run.status == 3
    assert any(line.startswith("::error file=migrations/003_blue.sql,line=3,") for line in said(run)), said(run)
    assert step.outputs["blocked"] == "true"


@pytest.mark.slow
def test_a_workspace_in_a_folder_marks_lines_from_the_repository_s_root(step: Step) -> None:
    step.house.migration("003_blue", "select from from;")
    environ = {"GITHUB_WORKSPACE": str(step.house.root.parent)}
    run = step.run("pull_request", payload_of("pull_request.opened"), environ, root="repository")
    assert any("file=repository/migrations/003_blue.sql" in line for line in said(run)), run.said


# However it ends. -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_after_an_error_no_other_environment_is_tried(step: Step) -> None:
    step.house.environment(
        "production", step.house.secrets["PRODUCTION_DATABASE_URL"], "after: staging\napply: {on: push}\n"
    )
    step.house.migration("002_wrong", "create table red (id int);")
    run = step.run("push", push())
    assert run.status == 6, run.said
    assert any(line.startswith("::error file=migrations/002_wrong.sql,line=1") for line in said(run))
    assert "production: skipped, because staging failed" in run.said
    assert "red" in tables(step, "staging")
    assert tables(step, "production") == []


@pytest.mark.slow
def test_something_unexpected_still_writes_the_summary(step: Step) -> None:
    environ = {"GITHUB_API_URL": "::error::not a URL"}
    run = step.run("push", push(), environ, github_token="ghs_token")
    assert run.status != 0 or "::warning" in run.out
    assert step.summary
    assert "ghs_token" not in run.out.replace("::add-mask::ghs_token", "") + step.summary


def test_a_run_goes_on_where_the_runner_s_files_cannot_be_written(step: Step) -> None:
    """Seen to fail without the fix: a traceback, and no word of what was applied."""
    full = {"GITHUB_OUTPUT": "/dev/full", "GITHUB_STEP_SUMMARY": "/dev/full"}
    run = step.run("push", push(), full)
    assert run.status == 0, run.said
    assert tables(step, "staging") == ["red"]
    assert "Traceback" not in run.said
    assert "the runner's file for GITHUB_STEP_SUMMARY cannot be written: No space left on device" in run.said
    assert "outputs of this step are missing: applied, blocked, fingerprint, pending, receipt," in run.said

    shown = step.run("workflow_dispatch", payload_of("workflow_dispatch"), full, command="check")
    assert shown.status == 2, shown.said
    assert "outputs of this step are missing" in shown.said
    assert "Traceback" not in shown.said


def test_a_cancelled_job_leaves_no_trace_and_says_so(step: Step) -> None:
    step.house.migration("002_slow", "create table slow (id int); select pg_sleep(60);")
    running = step.start("push", push())
    for _ in range(200):
        if tables(step, "staging") == ["red"]:
            break
        time.sleep(0.05)
    running.terminate()
    said = running.process.communicate(timeout=20)
    assert running.process.returncode in (6, 130), said
    assert step.summary
    assert tables(step, "staging") == ["red"]


@pytest.mark.slow
def test_secrets_and_extensions_of_a_role_are_not_needed(step: Step) -> None:
    """A plan reads; a role that may only connect is told what it lacks and nothing else happens."""
    url = step.house.secrets["STAGING_DATABASE_URL"]
    run(url, "comment on schema public is 'looked at'")
    assert step.run("pull_request", payload_of("pull_request.opened")).status == 0
    assert fetch(url, "select count(*) from pg_namespace where nspname = 'ctgitops'") == [(0,)]

"""What outside contributors and unmerged manifests can make the Action do, tested in process with a fake forge."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ctgitops.core.forge.forge import ChangedFile, Conclusion, Proposal
from tests.github.test_event import changed, commented, ended, payload_of
from tests.report.test_hostile import EVIL, HOME, harmless
from tests.servers import fetch, run
from tests.test_action_forge import MAIN, Scene, html, opened, scene, shown_by

pytestmark = pytest.mark.slow

__all__ = ["scene"]
HEAD = "5779607b49aab1200488439f02372c57b4f75444"
BLUE = b"create table blue (id int primary key);\n"
OURS = "https://github.example/constructtrack/database"
NOWHERE = "postgresql://nobody:unreachable@127.0.0.1:1/none"


# Manifests that are not merged. -----------------------------------------------------------------------------------


def base(scene: Scene) -> dict[str, bytes]:
    """What the base branch has, before the pull request changes anything."""
    sha = opened()["pull_request"]["base"]["sha"]
    files = (scene.house.root / "environments").iterdir()
    held = scene.forge.commits[sha] = {f"environments/{f.name}": f.read_bytes() for f in files}
    return held


def test_a_pull_request_s_manifest_cannot_choose_another_secret(scene: Scene) -> None:
    """It is planned against the address that is merged, and people see that it wants another."""
    base(scene)
    scene.house.secrets["OTHER_DATABASE_URL"] = NOWHERE
    scene.house.write(
        "environments/staging.yaml",
        "environment: staging\ndatabase: {url: '${OTHER_DATABASE_URL}'}\napply: {on: push}\n",
    )
    assert scene.run("pull_request", opened()) == 0
    page = html(scene.forge.comments[-1].body)
    assert "`database.url` of staging differs from the base branch" in page.replace("<code>", "`").replace(
        "</code>", "`"
    )
    assert scene.run("pull_request", opened(), command="status") == 0
    assert "cannot be reached" not in scene.summary


def test_nor_another_place_for_backups(scene: Scene) -> None:
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    base(scene)
    scene.house.environment("staging", url, "apply: {on: push}\nbackup: {to: /elsewhere, verify_server: '${MINE}'}\n")
    assert scene.run("pull_request", opened()) == 0
    page = html(scene.forge.comments[-1].body)
    assert "backup.to" in page
    assert "backup.verify_server" in page
    assert "backup.store" not in page


def test_nor_another_endpoint_or_public_key_for_the_same_bucket(scene: Scene) -> None:
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    to = "apply: {on: push}\nbackup: {to: 's3://b/c'"
    scene.house.environment("staging", url, f"{to}}}\n")
    base(scene)
    other = f"store: {{endpoint: 'https://elsewhere.example'}}, encrypt_to: [{key}]"
    scene.house.environment("staging", url, f"{to}, {other}}}\n")
    assert scene.run("pull_request", opened()) == 0
    page = html(scene.forge.comments[-1].body)
    assert "backup.store" in page
    assert "backup.encrypt_to" in page


def test_nor_another_server_to_try_unmerged_sql_on(scene: Scene) -> None:
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    scene.house.environment("staging", url, "apply: {on: push}\nshadow: {extensions: []}\n")
    base(scene)
    scene.house.environment("staging", url, "apply: {on: push}\nshadow: {url: '${PRODUCTION_DATABASE_URL}'}\n")
    assert scene.run("pull_request", opened()) == 0
    page = html(scene.forge.comments[-1].body)
    assert "shadow.url" in page
    assert "tried on a copy of its schema" in page
    assert "own server" not in page


def test_a_new_environment_is_connected_to_by_nobody(scene: Scene) -> None:
    held = base(scene)
    del held["environments/staging.yaml"]
    scene.house.secrets["STAGING_DATABASE_URL"] = NOWHERE
    assert scene.run("pull_request", opened()) == 0
    page = html(scene.forge.comments[-1].body)
    assert "so its database was not read" in page
    assert "has no manifest on the base branch" in page  # production comes after it
    assert scene.run("pull_request", opened(), command="status") != 0
    assert "has no manifest on the base branch" in html(scene.summary)


def test_a_new_environment_is_tried_on_an_empty_database(scene: Scene) -> None:
    """What a team sees first: its first pull request has the manifest, so nothing is read, but everything runs."""
    held = base(scene)
    del held["environments/staging.yaml"]
    scene.house.environment("staging", NOWHERE, "apply: {on: push}\nshadow: {extensions: []}\n")
    scene.house.migration("002_wrong", "create table blue (id int references green);")
    assert scene.run("pull_request", opened(), environment="staging") != 0
    page = html(scene.forge.comments[-1].body)
    assert "fails on an empty database: 002_wrong: relation" in page
    scene.house.migration("002_wrong", "create table blue (id int);")
    assert scene.run("pull_request", opened(), environment="staging") == 0
    page = html(scene.forge.comments[-1].body)
    assert "tried on an empty database" in page
    assert "NOT TRIED" not in page
    assert "1 database NOT READ" in page
    assert "with a shadow" not in page


def test_where_the_base_branch_cannot_be_read_nothing_is_connected_to(scene: Scene) -> None:
    scene.forge.refuses = ("tree",)
    for command in ("auto", "plan", "status"):
        assert scene.run("pull_request", opened(), command=command) != 0
        assert "cannot read the manifests of the base branch" in html(scene.summary)
    assert scene.run("pull_request", opened(), github_token="") == 8


def test_a_link_on_the_base_branch_is_no_manifest(scene: Scene) -> None:
    scene.forge.links = ("environments/staging.yaml",)
    assert scene.run("pull_request", opened()) == 0
    assert "so its database was not read" in html(scene.forge.comments[-1].body)


def test_a_merge_group_connects_to_what_is_merged(scene: Scene) -> None:
    payload = payload_of("merge_group.checks_requested")
    scene.forge.commits[payload["merge_group"]["base_sha"]] = {}
    assert scene.run("merge_group", payload) == 0
    (check,) = scene.forge.checks
    assert check.sha == payload["merge_group"]["head_sha"]
    assert "so its database was not read" in html(check.summary)


# Forks. -----------------------------------------------------------------------------------------------------------


def fork() -> dict[str, Any]:
    return changed(opened(), "pull_request.head.repo.id", 5)


def test_a_fork_gets_a_plan_of_its_files_in_the_summary_alone(scene: Scene) -> None:
    scene.forge.refuses = ("comment", "check", "suggest")
    scene.house.secrets = dict.fromkeys(scene.house.secrets, NOWHERE)
    scene.house.migration("002_blue", BLUE.decode())
    scene.forge.files = (ChangedFile("migrations/002_blue.sql", added=True),)
    assert scene.run("pull_request", fork()) == 0
    page = html(scene.summary)
    assert "no database was read: the pull request comes from a fork" in page
    assert "<b>staging</b> | ? |" in page
    assert "002" in page
    assert "1 migration pending" in page
    assert page.splitlines()[2].startswith("⚠️ no database was read: the pull request comes from a fork")
    assert (scene.forge.comments, scene.forge.checks) == ([], [])


def test_a_fork_s_plan_is_tried_on_what_the_merged_files_give(scene: Scene) -> None:
    """Nobody connects to anything; roles that real servers have from elsewhere are there; what fails is told."""
    scene.forge.refuses = ("comment", "check", "suggest")
    for name in ("staging", "production"):
        url = scene.house.secrets[f"{name.upper()}_DATABASE_URL"]
        scene.house.environment(name, url, "shadow: {image: 'ours:1', extensions: []}\n")
    scene.house.secrets = dict.fromkeys(scene.house.secrets, NOWHERE)
    scene.house.migration("001_red", "create table red (id int primary key); grant select on red to reader;")
    scene.house.migration(
        "002_blue",
        "create table blue (id int primary key, red int references red); grant select on blue to writer;",
        down="drop table blue;",
    )
    scene.forge.files = (
        ChangedFile("migrations/002_blue.sql", added=True),
        ChangedFile("migrations/002_blue.down.sql", added=True),
    )
    assert scene.run("pull_request", fork()) == 0
    page = html(scene.summary)
    assert page.splitlines()[2].startswith("⚠️ no database was read: the pull request comes from a fork")
    assert "tried on the schema of the merged files, PostgreSQL" in page
    assert "it runs" in page
    assert "rollback verified: 1 restores the schema" in page
    assert "column red: integer" in page
    assert "a copy of its schema" not in page
    assert (scene.forge.comments, scene.forge.checks) == ([], [])
    (scene.files / "summary").write_text("")
    scene.house.migration("002_blue", "alter table red add colour nonsense;", down="select 1;")
    assert scene.run("pull_request", fork()) == 3
    assert 'fails on the schema of the merged files: 002_blue: type "nonsense" does not exist' in html(scene.summary)


@pytest.mark.parametrize("role", ["pg_evil", "ctgitops_shadow_evil"])
def test_a_fork_cannot_have_a_role_made_that_is_not_its_to_name(scene: Scene, role: str) -> None:
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    scene.house.environment("staging", url, "shadow: {extensions: []}\n")
    scene.house.migration("002_blue", f"grant select on red to {role};")
    scene.forge.files = (ChangedFile("migrations/002_blue.sql", added=True),)
    assert scene.run("pull_request", fork()) == 3
    assert f'002_blue: role "{role}" does not exist' in html(scene.summary)


def test_what_is_merged_and_does_not_run_from_nothing_blocks_no_fork(scene: Scene) -> None:
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    scene.house.environment("staging", url, "shadow: {extensions: []}\n")
    scene.house.migration("001_red", "alter table made_by_hand add red int;")
    scene.house.migration("002_blue", BLUE.decode())
    scene.forge.files = (ChangedFile("migrations/002_blue.sql", added=True),)
    assert scene.run("pull_request", fork()) == 0
    assert "the merged migrations do not run in an empty database: 001_red: relation" in html(scene.summary)


def test_a_fork_s_wrong_file_is_wrong_without_a_database_too(scene: Scene) -> None:
    scene.house.migration("002_blue", "select from from;")
    scene.forge.files = (ChangedFile("migrations/002_blue.sql", added=True),)
    assert scene.run("pull_request", fork()) == 3
    assert "syntax" in html(scene.summary)


# A trusted run that plans a pull request. -------------------------------------------------------------------------


def proposed(scene: Scene, files: dict[str, bytes], *paths: str) -> None:
    """An open pull request of a fork whose head has these files."""
    scene.forge.commits[HEAD] = files
    scene.forge.pulls[9] = Proposal(9, HEAD, merged=False, paths=frozenset(paths or files))


def test_a_fork_s_plan_is_posted_by_a_trusted_run(scene: Scene) -> None:
    proposed(scene, {"migrations/002_blue.sql": BLUE})
    assert scene.run("workflow_run", ended()) == 0
    (comment,) = scene.forge.comments
    assert (comment.pull_request, comment.head_sha, comment.key) == (9, HEAD, "plan")
    assert "2 migrations pending" in html(comment.body)
    (check,) = scene.forge.checks
    assert (check.sha, check.conclusion) == (HEAD, Conclusion.SUCCESS)
    assert len(shown_by(check)) == 3
    assert scene.tables("staging") == 0
    assert not (scene.house.root / "migrations" / "002_blue.sql").exists()


def test_without_secrets_it_is_the_plan_of_its_files(scene: Scene) -> None:
    scene.house.secrets.clear()
    proposed(scene, {"migrations/002_blue.sql": BLUE})
    assert scene.run("workflow_run", ended()) == 0
    body = html(scene.forge.comments[-1].body)
    assert "the secret with its URL is not set in this run" in body
    assert "1 migration pending" in body


def test_only_sql_of_the_fork_is_read_and_nothing_else_counts(scene: Scene) -> None:
    """Its manifests, its policy and its workflows are those of this repository, whatever it says."""
    manifest = f"environment: staging\ndatabase: {{url: '{NOWHERE}'}}\n".encode()
    files = {
        "environments/staging.yaml": manifest,
        "environments/new.yaml": b"environment: new\ndatabase: {url: '${GITHUB_TOKEN}'}\n",
        "migrations/policy.yaml": b"numbering: increasing\n",
        ".github/workflows/x.yml": b"on: push\n",
        "ctgitops-plan.json": b"{}",
        "migrations/sub/003_deep.sql": BLUE,
        "migrations/.002_hidden.sql": BLUE,
        "migrations/004_gap.sql": BLUE,
        "seeds/../migrations/005_out.sql": BLUE,
    }
    proposed(scene, files)
    assert scene.run("workflow_run", ended()) == 3
    assert scene.forge.read == ["migrations/004_gap.sql"]
    body = html(scene.forge.comments[-1].body)
    assert "number 004 leaves a gap" in body
    for path in ("environments/staging.yaml", "environments/new.yaml", "migrations/policy.yaml"):
        changes = f"the pull request changes <code>{path}</code>; this plan uses the file of the default branch"
        assert changes in body


def test_a_fork_that_changes_no_migration_gets_no_comment_but_an_answer(scene: Scene) -> None:
    proposed(scene, {"README.md": b"hi"})
    scene.forge.files = (ChangedFile("README.md", added=True),)
    assert scene.run("workflow_run", ended()) == 0
    (comment,) = scene.forge.comments
    assert comment.only_update
    assert comment.body.startswith("### ⚪ No migration changed")


def test_a_removed_and_a_changed_file_are_seen(scene: Scene) -> None:
    scene.house.migration("002_blue", BLUE.decode())
    proposed(scene, {"migrations/002_blue.sql": b"create table bluer (id int);\n"}, "migrations/001_red.down.sql")
    scene.forge.pulls[9] = Proposal(
        9, HEAD, merged=False, paths=frozenset({"migrations/001_red.down.sql", "migrations/002_blue.sql"})
    )
    assert scene.run("workflow_run", ended()) == 0
    body = html(scene.forge.comments[-1].body)
    assert "bluer" in body
    assert "001_red is IRREVERSIBLE" in body


@pytest.mark.parametrize("content", [b"x" * 1_000_001, None], ids=["too large", "a link"])
def test_what_is_no_small_plain_file_is_not_read(scene: Scene, content: bytes | None) -> None:
    proposed(scene, {"migrations/002_blue.sql": content or b"/proc/self/environ"})
    scene.forge.links = () if content else ("migrations/002_blue.sql",)
    assert scene.run("workflow_run", ended()) == 3
    assert scene.forge.read == []
    assert ("1,000,001 bytes" if content else "a link") in html(scene.forge.comments[-1].body)


def test_too_many_files_are_refused(scene: Scene) -> None:
    proposed(scene, {f"migrations/{number:03}_x.sql": BLUE for number in range(2, 303)})
    assert scene.run("workflow_run", ended()) == 8
    assert scene.forge.read == []


def test_bytes_that_are_no_text_are_told(scene: Scene) -> None:
    proposed(scene, {"migrations/002_blue.sql": b"\xff\xfe\x00"})
    assert scene.run("workflow_run", ended()) == 3
    assert "UTF-8" in html(scene.forge.comments[-1].body)


def test_hostile_text_of_a_fork_is_text(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(f"/* {trick} */" for trick in EVIL if "*/" not in trick and "\0" not in trick)
    proposed(scene, {"migrations/002_blue.sql": f"{text}\n-- ::error::x\n".encode() + BLUE})
    assert scene.run("workflow_run", ended()) == 0
    for page in (scene.forge.comments[-1].body, scene.summary):
        harmless(page.replace(OURS, HOME).replace("/runs/77", "/runs/1"))
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")] == []


def test_a_link_of_the_checkout_is_never_written_through(scene: Scene, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (scene.house.root / "seeds").mkdir()
    (scene.house.root / "seeds" / "staging").symlink_to(elsewhere)
    proposed(scene, {"seeds/staging/1.sql": b"select 1;\n"})
    scene.run("workflow_run", ended())
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("how", ["moved on", "merged", "none"])
def test_a_run_that_is_about_nothing_any_more_says_so(scene: Scene, how: str) -> None:
    proposed(scene, {"migrations/002_blue.sql": BLUE})
    if how == "none":
        scene.forge.pulls.clear()
    if how == "merged":
        scene.forge.pulls[9] = Proposal(9, HEAD, merged=True, paths=frozenset())
    if how == "moved on":
        scene.forge.proposed_by = lambda run: 9  # type: ignore[method-assign] # noqa: ARG005 - GitHub's list is late
        scene.forge.pulls[9] = Proposal(9, "e" * 40, merged=False, paths=frozenset())
    assert scene.run("workflow_run", ended()) == 0
    assert "Nothing was done" in scene.summary
    assert scene.forge.comments == []


@pytest.mark.parametrize("command", ["apply", "rollback"])
def test_a_trusted_run_never_applies(scene: Scene, command: str) -> None:
    proposed(scene, {"migrations/002_blue.sql": BLUE})
    assert scene.run("workflow_run", ended(), command=command, environment="staging", to="0") == 2
    assert scene.tables("staging") == 0


# Comments. --------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(scene: Scene) -> Scene:
    """A real checkout of a commit that is on the default branch."""
    git = ["git", "-C", str(scene.house.root), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    scene.forge.commits[head] = {}
    scene.forge.permissions["Codertocat"] = "write"
    return scene


def comment_id() -> int:
    number: int = commented()["comment"]["id"]
    return number


def test_who_may_write_applies_what_is_merged(checkout: Scene) -> None:
    assert checkout.run("issue_comment", commented("/ctgitops apply staging")) == 0
    assert checkout.tables("staging") == 1
    assert checkout.forge.reactions == [(comment_id(), "eyes"), (comment_id(), "rocket")]
    record = checkout.forge.comments[-1]
    assert record.pull_request == commented()["issue"]["number"]
    url = checkout.house.secrets["STAGING_DATABASE_URL"]
    assert fetch(url, "select distinct pull_request from ctgitops.ledger") == [(record.pull_request,)]


@pytest.mark.parametrize("permission", ["read", "none", "triage", ""])
@pytest.mark.parametrize("command", ["auto", "apply", "plan"])
def test_who_may_not_write_gets_nothing(checkout: Scene, permission: str, command: str) -> None:
    """Whatever GitHub's event says about an association, and whatever the workflow's command is."""
    checkout.forge.permissions["Codertocat"] = permission
    payload = changed(commented("/ctgitops apply staging"), "comment.author_association", "OWNER")
    assert checkout.run("issue_comment", payload, command=command, environment="staging") == 0
    assert checkout.forge.reactions == [(comment_id(), "-1")]
    assert checkout.tables("staging") == 0
    assert [comment.key for comment in checkout.forge.comments] == ["answer"]
    assert "Codertocat does not have write access" in html(checkout.summary)


def test_where_nobody_can_tell_who_may_write_nothing_is_done(checkout: Scene) -> None:
    checkout.forge.refuses = ("permission_of",)
    assert checkout.run("issue_comment", commented("/ctgitops apply staging")) == 8
    assert checkout.tables("staging") == 0


def test_what_is_checked_out_must_be_on_the_default_branch(checkout: Scene) -> None:
    checkout.forge.commits.clear()
    assert checkout.run("issue_comment", commented("/ctgitops apply staging")) == 5
    assert "is not on master" in html(checkout.summary)
    assert checkout.forge.reactions[-1] == (comment_id(), "confused")
    assert checkout.forge.comments[-1].key == "answer"
    assert "is not on master" in html(checkout.forge.comments[-1].body)
    assert checkout.tables("staging") == 0


def test_without_git_nobody_can_tell_what_is_checked_out(scene: Scene) -> None:
    scene.forge.permissions["Codertocat"] = "admin"
    assert scene.run("issue_comment", commented("/ctgitops apply staging")) == 8
    assert scene.tables("staging") == 0


def test_an_open_pull_request_is_not_applied(checkout: Scene) -> None:
    for command in ("auto", "apply"):
        payload = commented("/ctgitops apply staging", merged=None)
        assert checkout.run("issue_comment", payload, command=command, environment="staging") == 2
    assert "merge the pull request first" in html(checkout.forge.comments[-1].body)
    assert checkout.tables("staging") == 0


def test_a_plan_that_somebody_asks_for(checkout: Scene) -> None:
    number = commented()["issue"]["number"]
    checkout.forge.commits[HEAD] = {"migrations/002_blue.sql": BLUE}
    checkout.forge.pulls[number] = Proposal(number, HEAD, merged=False, paths=frozenset(["migrations/002_blue.sql"]))
    assert checkout.run("issue_comment", commented("/ctgitops plan", merged=None)) == 0
    assert checkout.forge.reactions[-1] == (comment_id(), "rocket")
    assert "2 migrations pending" in html(checkout.forge.comments[-1].body)
    assert "merge into" not in html(checkout.forge.comments[-1].body)
    assert checkout.tables("staging") == 0
    checkout.forge.pulls[number] = replace(checkout.forge.pulls[number], base="topic")
    assert checkout.run("issue_comment", commented("/ctgitops plan", merged=None)) == 0
    assert "its merge applies nothing" in html(checkout.forge.comments[-1].body), "seen to fail with `the merge`"
    page = html(checkout.forge.comments[-1].body)
    assert "a later merge into master |" in page
    assert "staging after a later merge into master" in page.split("\n", 1)[0]
    assert "<b>staging</b> waits for a later merge into master." in page


def test_who_may_write_unlocks_and_sees_what_came_of_it(checkout: Scene) -> None:
    assert checkout.run("issue_comment", commented("/ctgitops unlock staging", merged=None)) == 0
    answer = checkout.forge.comments[-1]
    assert (answer.key, answer.pull_request) == ("answer", commented()["issue"]["number"])
    assert "the run lock of staging is free" in html(answer.body)
    assert checkout.forge.reactions[-1] == (comment_id(), "rocket")


def test_drift_and_unlock_connect_to_nothing_that_is_not_merged(scene: Scene) -> None:
    for command in ("drift", "unlock"):
        assert scene.run("pull_request", opened(), command=command, environment="staging") == 2
        assert "only merged commits are applied" in html(scene.summary)


def test_the_clock_looks_for_drift_and_then_brings_what_waited(scene: Scene) -> None:
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    scene.house.environment("staging", url, "apply: {on: schedule}\n")
    assert scene.run("schedule", {"schedule": "0 2 * * *"}) == 0
    assert scene.tables("staging") == 1
    run(url, "create table by_hand (id int)")
    scene.house.migration("002_blue", "create table blue (id int primary key);")
    assert scene.run("schedule", {"schedule": "0 2 * * *"}) == 1
    assert "by_hand" in html(scene.summary)
    assert scene.tables("staging") == 3


# Twice. -----------------------------------------------------------------------------------------------------------


def test_a_tag_s_push_and_its_release_apply_once(scene: Scene) -> None:
    """Both events come where a workflow wants both; the second finds nothing to do and says so."""
    scene.run("push", payload_of("push.branch"))
    tag = payload_of("push.tag") | {"ref": "refs/tags/v1.0.0"}
    release = changed(payload_of("release.released"), "release.tag_name", "v1.0.0")
    release = changed(release, "repository.default_branch", "master")
    assert scene.run("push", tag) == 0
    assert scene.tables("production") == 1
    begun = len(scene.forge.deployments)
    assert scene.run("release", release) == 0
    assert "up to date, nothing applied" in scene.summary
    assert len(scene.forge.deployments) == begun
    assert MAIN in {d.sha for d in scene.forge.deployments}

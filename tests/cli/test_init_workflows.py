"""`init` writes the workflows of a repository on GitHub, keeps edits, and says what remains to be set up there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ctgitops.cli.main import ctgitops
from tests.github import scripted

FILES = [f"ctgitops-{name}.yml" for name in ("commands", "deploy", "drift", "plan")]


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "trunk")
    git(tmp_path, "remote", "add", "origin", "git@github.com:acme/shop.git")
    return tmp_path


@pytest.fixture
def github() -> Iterator[scripted.Scripted]:
    with scripted.running() as running:
        yield running


def init(root: Path, *options: str, url: str = "") -> str:
    environ = {"GITHUB_TOKEN": "ours" if url else "", "GH_TOKEN": "", "GITHUB_REPOSITORY": "", "GITHUB_API_URL": url}
    done = CliRunner(env=environ).invoke(ctgitops, ["init", "--root", str(root), *options])
    assert done.exit_code == 0, done.output
    return done.output


def written(root: Path) -> list[str]:
    folder = root / ".github/workflows"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_repository_on_github_gets_workflows_and_the_commands_of_their_setup(root: Path) -> None:
    said = init(root)
    assert written(root) == FILES
    assert "branches: [trunk]" in (root / ".github/workflows/ctgitops-plan.yml").read_text()
    assert "unknown  secret PRODUCTION_DATABASE_URL of environment plan" in said
    assert "gh secret set PRODUCTION_DATABASE_URL --env plan --repo acme/shop" in said
    assert """deployment-branch-policies --input - <<< '{"name": "trunk", "type": "branch"}'""" in said
    assert "to do    backups of production: GitHub deletes the folder backups/production" in said
    assert "Unknown, because GITHUB_TOKEN is not set" in said
    assert init(root).splitlines()[-1] == "nothing to do: all files exist"


def test_an_edited_workflow_is_overwritten_only_with_consent_and_a_pinned_version_is_no_edit(root: Path) -> None:
    init(root)
    file = root / ".github/workflows/ctgitops-plan.yml"
    pinned = file.read_text().replace("ctgitops@v0", f"ctgitops@{'a' * 40} # v0.2.3")
    file.write_text(pinned)
    assert init(root).splitlines()[-1] == "nothing to do: all files exist"
    file.write_text(pinned.replace("timeout-minutes: 15", "timeout-minutes: 20"))
    assert "-    timeout-minutes: 20\n+    timeout-minutes: 15" in init(root)
    assert "timeout-minutes: 20" in file.read_text()
    assert "overwrote .github/workflows/ctgitops-plan.yml" in init(root, "--yes")
    assert file.read_text() == pinned


def test_a_folder_outside_github_gets_none_unless_it_asks(tmp_path: Path) -> None:
    init(tmp_path)
    assert written(tmp_path) == []
    assert "repos/OWNER/NAME/environments/plan" in init(tmp_path, "--workflows", "--forks")
    assert written(tmp_path) == sorted([*FILES, "ctgitops-fork.yml"])


def test_a_repository_on_github_gets_none_with_no_workflows(root: Path) -> None:
    assert "Setup on GitHub" not in init(root, "--no-workflows")
    assert written(root) == []


def test_workflows_of_a_workspace_in_a_folder_are_at_the_top_and_name_the_folder(root: Path) -> None:
    for service in ("orders", "users"):
        folder = root / "services" / service / "environments"
        folder.mkdir(parents=True)
        url = f"${{{service.upper()}_URL}}"
        (folder / "staging.yaml").write_text(
            f"environment: staging\ndatabase: {{url: '{url}'}}\nbackup: {{to: s3://b/{service}}}\n"
        )
        assert "credentials of the bucket" in init(root / "services" / service)
        assert "nothing to do" in init(root / "services" / service).splitlines()[-1]
    names = [f"ctgitops-services-{s}-{n}.yml" for s in ("orders", "users")
             for n in ("commands", "deploy", "drift", "drill", "plan")]  # fmt: skip
    assert written(root) == sorted(names)
    assert "root: services/orders\n" in (root / ".github/workflows/ctgitops-services-orders-deploy.yml").read_text()


def test_without_a_valid_manifest_no_workflow_is_written(root: Path) -> None:
    (root / "environments").mkdir()
    (root / "environments/staging.yaml").write_text("environment: staging\n")
    assert "wrote no workflow, because there is no valid manifest: run `ctgitops check`" in init(root)
    assert written(root) == []


def test_what_exists_on_github_is_done(root: Path, github: scripted.Scripted) -> None:
    """The rules of staging are complete, and those of production are not. A list that may not be read is unknown."""
    github.canned[""] = {"default_branch": "main", "private": False}
    staging = {"name": "staging", "deployment_branch_policy": {"protected_branches": True}}
    production = {"name": "production", "deployment_branch_policy": None}
    github.canned["/environments"] = {"environments": [{"name": "plan"}, staging, production]}
    github.canned["/environments/plan/secrets"] = {"secrets": [{"name": "STAGING_DATABASE_URL"}]}
    github.canned["/actions/secrets"] = {"secrets": [{"name": "PRODUCTION_DATABASE_URL"}]}
    said = [" ".join(line.split()) for line in init(root, url=github.url).splitlines()]
    assert written(root) == sorted([*FILES, "ctgitops-fork.yml"])
    assert "branches: [main]" in (root / ".github/workflows/ctgitops-plan.yml").read_text()
    assert "done environment plan, without rules" in said
    assert "done secret STAGING_DATABASE_URL of environment plan" in said
    assert "done secret PRODUCTION_DATABASE_URL of environment plan" in said
    assert "done environment staging, with its rules" in said
    assert "unknown secret STAGING_DATABASE_URL of environment staging" in said
    assert any(line.startswith("to do every branch can deploy to production") for line in said)
    assert not any(line.startswith("gh secret set STAGING_DATABASE_URL --env plan") for line in said)
    assert not (root / "environments/plan.yaml").exists()


def test_a_repository_that_already_runs_the_action_gets_no_second_workflow_unless_it_asks(root: Path) -> None:
    """Two workflows would apply the same merge. One of another workspace, or without the Action, does not count."""
    folder = root / ".github/workflows"
    folder.mkdir(parents=True)
    job = "on: push\njobs: {a: {runs-on: x, steps: [{uses: constructtrack/ctgitops@v0%s}]}}\n"
    (folder / "ci.yml").write_text("on: push\njobs: {a: {runs-on: x, steps: [{run: make}]}}\n")
    (folder / "users.yml").write_text(job % ", with: {root: services/users}")
    init(root)
    assert written(root) == sorted([*FILES, "ci.yml", "users.yml"])
    for name in FILES:
        (folder / name).unlink()
    (folder / "database.yml").write_text(job % "")
    assert "wrote no workflow, because .github/workflows/database.yml already runs ctgitops" in init(root)
    assert written(root) == ["ci.yml", "database.yml", "users.yml"]
    init(root, "--workflows")
    assert written(root) == sorted([*FILES, "ci.yml", "database.yml", "users.yml"])

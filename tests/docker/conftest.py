"""Fixtures: the image, a repository on the test GitHub for each test, and a workspace like a runner's."""

from __future__ import annotations

import base64
import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from tests.github.live import Live, access_for_tests
from tests.github.test_event import changed, payload_of
from tests.servers import fresh_database, missing
from tests.stories.house import House

from .front import Front
from .runner import Ran, Runner

HEADER = """\
-- Migration: {name}
-- Version: {version}
-- Description: {words}
-- Breaking Changes: No
-- Rollback: {rollback}
-- Created: 2026-11-20
-- Author: Anna Lindqvist
--
-- Dependencies: None
-- Estimated Execution Time: under 1 second
-- Impact: none

"""


@pytest.fixture(scope="session")
def image() -> str:
    """The image to test: CTGITOPS_IMAGE; `make image` builds it."""
    name = os.environ.get("CTGITOPS_IMAGE", "ctgitops:dev")
    found = None
    if os.environ.get("DOCKER_HOST") or Path("/var/run/docker.sock").exists():
        found = subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode
    if found != 0:
        raise missing("docker", f"no Docker, or no image {name}: `make image` builds it")
    return name


@dataclass
class Scene:
    """A repository on GitHub with the same files in a runner's workspace."""

    house: House
    live: Live
    front: Front
    runner: Runner
    folder: str = ""
    """The workspace's folder in the repository, with a slash."""

    def environments(self, **urls: str) -> None:
        """Staging comes on push; production on a tag, after staging, with a proved backup."""
        self.house.environment("staging", urls["staging"], "apply: {on: push}\n")
        more = "after: staging\napply: {on: release, tags: 'v*'}\nbackup: {to: backups/production}\n"
        if "production" in urls:
            self.house.environment("production", urls["production"], more)
        self.runner.secrets = dict(self.house.secrets)
        for path in sorted((self.house.root / "environments").iterdir()):  # a plan connects to what is merged alone
            self._put("main", f"environments/{path.name}", path.read_bytes())

    def migration(self, number: int, up: str, down: str = "", **words: str) -> str:
        """Writes one with a header; returns its name."""
        name = f"{number:03}_{words.get('name', 'change')}"
        rollback = "Available" if down else "Not Available"
        header = HEADER.format(name=name, version=f"1.{number}.0", words=words.get("words", name), rollback=rollback)
        self.house.migration(name, header + up, down=down or None)
        return name

    def commit(self, branch: str) -> str:
        """Puts the workspace's files on a branch; returns its tip."""
        for path in sorted(self.house.root.rglob("*")):
            if path.is_file() and path.suffix in (".sql", ".yaml"):
                self._put(branch, str(path.relative_to(self.house.root)), path.read_bytes())
        return str(self.live.call("GET", f"/branches/{branch}")["commit"]["sha"])

    def branch(self, name: str) -> None:
        self.live.call("POST", "/git/refs", {"ref": f"refs/heads/{name}", "sha": self.tip("main")})

    def tip(self, branch: str) -> str:
        return str(self.live.call("GET", f"/branches/{branch}")["commit"]["sha"])

    def pull_request(self, branch: str) -> int:
        opened = self.live.call("POST", "/pulls", {"title": branch, "head": branch, "base": "main"})
        return int(opened["number"])

    def pull_request_event(self, action: str, number: int, head: str, base: str = "") -> dict[str, Any]:
        """GitHub's own example, of our pull request."""
        payload = payload_of(f"pull_request.{action}")
        payload = changed(changed(payload, "number", number), "pull_request.number", number)
        payload = changed(payload, "pull_request.head.sha", head)
        payload = changed(payload, "pull_request.base.sha", base or self.tip("main"))
        payload = changed(payload, "pull_request.head.repo.full_name", self.runner.repository)
        payload = changed(payload, "pull_request.base.repo.full_name", self.runner.repository)
        payload = changed(payload, "pull_request.base.ref", "main")
        payload = changed(payload, "pull_request.base.repo.default_branch", "main")
        return self._here(payload)

    def plan(self, action: str, number: int, branch: str, **inputs: str) -> Ran:
        """What a pull request's workflow runs."""
        payload = self.pull_request_event(action, number, self.tip(branch))
        merge = f"refs/pull/{number}/merge"
        return self.runner.run("pull_request", payload, ref=merge, sha=self.tip(branch), **inputs)

    def merge(self, number: int) -> str:
        return str(self.live.call("PUT", f"/pulls/{number}/merge", {})["sha"])

    def push_event(self, sha: str) -> dict[str, Any]:
        payload = changed(payload_of("push.branch"), "after", sha)
        payload = changed(payload, "ref", "refs/heads/main")
        payload = changed(payload, "repository.default_branch", "main")
        if payload.get("head_commit"):
            payload = changed(payload, "head_commit.id", sha)
        return self._here(payload)

    def push(self, sha: str, **inputs: str) -> Ran:
        """What a merge's workflow runs."""
        return self.runner.run("push", self.push_event(sha), ref="refs/heads/main", sha=sha, **inputs)

    def release(self, tag: str, sha: str, **inputs: str) -> Ran:
        """Publishes a release and runs what its workflow runs."""
        self.live.call("POST", "/releases", {"tag_name": tag, "target_commitish": sha})
        self.front.tags[tag] = sha
        payload = changed(payload_of("release.released"), "release.tag_name", tag)
        payload = changed(payload, "release.prerelease", False)
        payload = self._here(changed(payload, "repository.default_branch", "main"))
        return self.runner.run("release", payload, ref=f"refs/tags/{tag}", sha=sha, **inputs)

    def ours(self, number: int) -> list[Any]:
        """Our comments of a pull request."""
        return [c for c in self.live.comments(number) if c["body"].startswith("<!-- ctgitops ")]

    def deployments(self, sha: str, environment: str) -> list[str]:
        """The last states of an environment's deployments of a commit."""
        found = self.live.call("GET", f"/deployments?sha={sha}&environment={environment}")
        states = [self.live.call("GET", f"/deployments/{d['id']}/statuses") for d in found]
        return [str(statuses[0]["state"]) for statuses in states]

    def _here(self, payload: dict[str, Any]) -> dict[str, Any]:
        return changed(payload, "repository.full_name", self.runner.repository)

    def _put(self, branch: str, path: str, content: bytes) -> None:
        path = f"{self.folder}{path}"
        body: dict[str, Any] = {"message": path, "content": base64.b64encode(content).decode(), "branch": branch}
        known = self.live.find(f"/contents/{path}?ref={branch}")
        if known is not None:
            if base64.b64decode(known["content"]) == content:
                return
            body["sha"] = known["sha"]
        self.live.call("PUT", f"/contents/{path}", body)


@pytest.fixture
def scene(image: str, tmp_path: Path) -> Iterator[Scene]:
    """A repository that nobody else uses."""
    access = access_for_tests()
    name = f"e2e-{uuid.uuid4().hex[:12]}"
    owner = access.repository.partition("/")[0]
    live = Live(replace(access, repository=f"{owner}/{name}"))
    live.send("POST", "/user/repos", {"name": name, "auto_init": True})
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    with Front(access.api_url).listening() as front:
        runner = Runner(image, tmp_path, workspace, front.url, live.access.repository, token=access.token)
        yield Scene(House(workspace), live, front, runner)
    assert live.violations() == []


@pytest.fixture
def two_urls(tcp_server: LocalServer) -> tuple[str, str]:
    """Two empty databases on a server that wants a password."""
    return fresh_database(tcp_server), fresh_database(tcp_server)

"""Runs a container action as GitHub does: ContainerActionHandler and DockerCommandManager of actions/runner."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.github.test_runner import outputs

RUNNER_UID = 1001
"""The account that GitHub's hosted runners work as; the container runs as root beside it."""
FILES = ("output", "step_summary", "env", "path", "state")


@dataclass(frozen=True)
class Ran:
    """How one step ended, and all that it left behind."""

    status: int
    log: str
    outputs: dict[str, str]
    summary: str
    left: tuple[Path, ...]
    """What it wrote into the workspace."""


@dataclass
class Runner:
    """A workspace, and the secrets that the workflow hands down under `env:`."""

    image: str
    home: Path
    workspace: Path
    api_url: str
    repository: str
    secrets: dict[str, str] = field(default_factory=dict)
    token: str = ""
    run_id: int = 0

    def run(self, event: str, payload: Mapping[str, Any], *, ref: str, sha: str, **inputs: str) -> Ran:
        """One step, from `docker run` to its end."""
        process, files = self.start(event, payload, ref=ref, sha=sha, **inputs)
        return self.ended(process, files)

    def ended(self, process: subprocess.Popen[str], files: Path, seconds: float = 110) -> Ran:
        """All of a step, when it has ended."""
        log, _ = process.communicate(timeout=seconds)
        return self.ran(process.returncode, log, files)

    def start(
        self, event: str, payload: Mapping[str, Any], *, ref: str, sha: str, **inputs: str
    ) -> tuple[subprocess.Popen[str], Path]:
        """Starts the container; its name is that of the folder with its files."""
        self.run_id += 1
        name = f"ctgitops_{uuid.uuid4().hex}"
        folder = self.home / name
        for part in ("runner_temp", "home", "workflow", "file_commands"):
            (folder / part).mkdir(parents=True)
        (folder / "workflow" / "event.json").write_text(json.dumps(payload))
        for file in FILES:
            (folder / "file_commands" / file).touch()
        _give(folder)
        _give(self.workspace)
        environ = {**self._environ(event, ref, sha), **self._inputs(inputs), **self.secrets}
        mounts = {folder / part: f"/github/{part}" for part in ("runner_temp", "home", "workflow", "file_commands")}
        mounts[self.workspace] = "/github/workspace"
        command = ["docker", "run", "--name", name, "--label", "ctgitops-tests", "--workdir", "/github/workspace"]
        command += ["--network=host"]
        for key in environ:
            command += ["-e", key]  # a value on a command line could be seen by everybody
        for here, there in mounts.items():
            command += ["-v", f"{here}:{there}"]
        process = subprocess.Popen(
            [*command, self.image],
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return process, folder

    def ran(self, status: int, log: str, files: Path) -> Ran:
        """All that a step left behind, when it has ended."""
        # Not `--rm`: some engines' clients then forget how the container ended
        subprocess.run(["docker", "rm", "-f", files.name], check=True, capture_output=True)
        given = files / "file_commands"
        left = tuple(path for path in self.workspace.rglob("*") if path.stat().st_uid != RUNNER_UID)
        shown = "\n".join(line for line in log.splitlines() if not line.startswith("::add-mask::"))
        found = outputs((given / "output").read_text("utf-8"))
        summary = (given / "step_summary").read_text("utf-8")
        for secret in self.secrets.values():
            password = secret.partition("://")[2].partition("@")[0].partition(":")[2]
            everywhere = "\n".join((shown, summary, *found.values()))
            assert secret not in everywhere and password not in everywhere, "a secret can be seen"
        return Ran(status, shown, found, summary, left)

    def stop(self, files: Path, signal: str) -> None:
        """What the runner does to cancel a job: a signal to the container's first process."""
        subprocess.run(["docker", "kill", "--signal", signal, files.name], check=True, capture_output=True)

    def _environ(self, event: str, ref: str, sha: str) -> dict[str, str]:
        owner = self.repository.partition("/")[0]
        return {
            "HOME": "/github/home",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION": "__self",
            "GITHUB_ACTOR": owner,
            "GITHUB_API_URL": self.api_url,
            "GITHUB_ENV": "/github/file_commands/env",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": "/github/workflow/event.json",
            "GITHUB_GRAPHQL_URL": f"{self.api_url}/graphql",
            "GITHUB_JOB": "database",
            "GITHUB_OUTPUT": "/github/file_commands/output",
            "GITHUB_PATH": "/github/file_commands/path",
            "GITHUB_REF": ref,
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_REPOSITORY_OWNER": owner,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": str(self.run_id),
            "GITHUB_RUN_NUMBER": str(self.run_id),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": sha,
            "GITHUB_STATE": "/github/file_commands/state",
            "GITHUB_STEP_SUMMARY": "/github/file_commands/step_summary",
            "GITHUB_WORKFLOW": "database",
            "GITHUB_WORKSPACE": "/github/workspace",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": "/github/runner_temp",
        }

    def _inputs(self, given: Mapping[str, str]) -> dict[str, str]:
        inputs = {"github-token": self.token, **{name.replace("_", "-"): value for name, value in given.items()}}
        return {f"INPUT_{name.upper()}": value for name, value in inputs.items()}


def _give(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, RUNNER_UID, RUNNER_UID, follow_symlinks=False)

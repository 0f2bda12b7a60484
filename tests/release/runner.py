"""Runs release.yml step by step on this machine: its `run:` scripts as they are, its actions by what they do."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
Action = Callable[["Step", dict[str, str]], dict[str, str]]


class StoppedError(Exception):
    """A step failed, or the runner was lost."""


@dataclass
class Step:
    """One step of one job (of one combination of its matrix), with its folder and what expressions can name."""

    key: str
    spec: dict[str, Any]
    folder: Path
    names: dict[str, Any]

    def text(self, template: object) -> str:
        return EXPRESSION.sub(lambda match: str(self.value(match[1])), str(template))

    def value(self, path: str) -> object:
        found: Any = self.names
        for word in path.split("."):
            found = found.get(word, "") if isinstance(found, dict) else ""
        return found

    def wanted(self) -> bool:
        condition = self.spec.get("if", "'' == ''")
        match = re.fullmatch(r"(\S+) == '(.*)'", condition)
        assert match, f"the simulation cannot read `if: {condition}`"
        left = match[1].strip("'") if match[1].startswith("'") else str(self.value(match[1]))
        return left == match[2]


@dataclass
class Run:
    """One run of the workflow. `before` and `after` are called around each step, and may stop it."""

    folder: Path
    version: str
    sha: str
    environ: dict[str, str]
    actions: dict[str, Action]
    before: Callable[[Step], None] = lambda _: None
    after: Callable[[Step], None] = lambda _: None
    succeeded: dict[str, dict[str, str]] = field(default_factory=dict)
    """Outputs of the jobs, in each combination of their matrix; these are not run again with the failed jobs."""
    done: dict[str, dict[str, str]] = field(default_factory=dict)
    """Outputs of the jobs that `needs` names."""

    def go(self) -> None:
        """Runs all jobs that did not succeed yet. Raises StoppedError."""
        for key, job in WORKFLOW["jobs"].items():
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            assert all(need in self.done for need in needs), f"{key} stands before a job that it needs"
            for number, matrix in enumerate(combinations(job.get("strategy", {}).get("matrix", {}))):
                name = f"{key}-{number}"
                if name not in self.succeeded:
                    self.succeeded[name] = self.job(name, job, matrix)
                self.done[key] = self.succeeded[name]

    def job(self, key: str, job: dict[str, Any], matrix: dict[str, str]) -> dict[str, str]:
        needs = {name: {"outputs": outputs} for name, outputs in self.done.items()}
        names: dict[str, Any] = {"needs": needs, "steps": {}, "matrix": matrix, "inputs": {"version": self.version}}
        names["github"] = {"token": "secret", "actor": "anna", "sha": self.sha}
        folder = self.folder / key
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for number, spec in enumerate(job["steps"]):
            step = Step(f"{key}/{number}", spec, folder, names)
            names["env"] = {name: step.text(value) for name, value in WORKFLOW["env"].items()}
            if step.wanted():
                self.before(step)
                names["steps"][spec.get("id", number)] = {"outputs": self.step(step)}
                self.after(step)
        return {name: step.text(value) for name, value in job.get("outputs", {}).items()}

    def step(self, step: Step) -> dict[str, str]:
        environ = step.names["env"] | {name: step.text(value) for name, value in step.spec.get("env", {}).items()}
        if "uses" in step.spec:
            action = self.actions[step.spec["uses"].partition("@")[0]]
            return action(step, {name: step.text(value) for name, value in step.spec.get("with", {}).items()})
        output = step.folder / "GITHUB_OUTPUT"
        output.write_text("")
        environ = os.environ | self.environ | environ | {"GITHUB_OUTPUT": str(output)}
        command = ["bash", "-eo", "pipefail", "-c", step.text(step.spec["run"])]
        done = subprocess.run(command, cwd=step.folder, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StoppedError(f"{step.key}: {done.stderr}")
        return dict(line.split("=", 1) for line in output.read_text().splitlines())


def combinations(matrix: dict[str, Any]) -> Iterator[dict[str, str]]:
    """The combinations of a job's matrix."""
    if "include" in matrix:
        yield from matrix["include"]
        return
    for values in itertools.product(*matrix.values()):
        yield dict(zip(matrix, values, strict=True))

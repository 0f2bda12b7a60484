"""A repository of a few files, and its problems as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ctgitops.core.problem import Problem
from ctgitops.core.workspace.workspace import Workspace
from ctgitops.files.workspace import read_workspace

HEADER = """\
-- Migration: {name}
-- Version: {version}
-- Description: Adds a table
-- Breaking Changes: No
-- Rollback: Not Available
-- Created: 2026-01-12
-- Author: Anna
--
-- Dependencies: None
-- Estimated Execution Time: 1 s
-- Impact: nobody waits

CREATE TABLE t ();
"""


@dataclass
class Checkout:
    root: Path

    def write(self, path: str, content: str | bytes = "SELECT 1;\n") -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def read(self) -> Workspace:
        return read_workspace(self.root)

    def lines(self) -> list[str]:
        return [line(problem) for problem in self.read().read_problems]

    def manifest(self, text: str, name: str = "staging") -> list[str]:
        """What is said about a manifest that begins with its two keys and goes on with `text`."""
        start = f"environment: {name}\ndatabase:\n  url: ${{URL}}\n"
        self.write(f"environments/{name}.yaml", start + text)
        return [said.removeprefix(f"environments/{name}.yaml:") for said in self.lines()]


def line(problem: Problem) -> str:
    return f"{problem.place}: {problem.what} ({problem.hint})"

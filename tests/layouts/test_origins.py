"""Folders of public repositories: `init` finds them, `check` accepts them, and the order is the order of the tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctgitops.core.workspace.workspace import problems_of, sql_problems_of
from ctgitops.files.workspace import read_workspace
from tests.files.checkout import Checkout

from .origins import ORIGINS, Origin
from .test_search import run

BY_REPOSITORY = [pytest.param(origin, id=origin.repository) for origin in ORIGINS]


def adopted(origin: Origin, root: Path) -> None:
    """Writes the repository and runs `init` in it, with the answer that it asks for."""
    for path, text in origin.tree.items():
        Checkout(root).write(path, text)
    done = run(root, "init")
    if origin.asks:
        assert (done.status, f"ctgitops init --migrations {origin.folder}" in done.said) == (1, True), done.said
        done = run(root, "init", "--migrations", origin.folder)
    assert done.status == 0, done.said


@pytest.mark.parametrize("origin", BY_REPOSITORY)
def test_init_finds_the_migrations_of_a_public_repository(origin: Origin, tmp_path: Path) -> None:
    adopted(origin, tmp_path)
    workspace = read_workspace(tmp_path)
    assert (workspace.policy.layout.name, workspace.policy.layout.folder) == (origin.layout, origin.folder)
    prefix = "" if origin.folder == "." else f"{origin.folder}/"
    assert [migration.path.removeprefix(prefix) for migration in workspace.migrations] == list(origin.files)
    assert [p for p in (*problems_of(workspace), *sql_problems_of(workspace)) if p.blocks] == []


def test_the_list_has_thirty_repositories_of_fourteen_tools() -> None:
    assert len({origin.repository for origin in ORIGINS}) >= 30
    assert len({origin.layout for origin in ORIGINS}) >= 14

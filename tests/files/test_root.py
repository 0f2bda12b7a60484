"""The root of a workspace is found from a folder inside it, and never beyond the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctgitops.files.root import enclosing_root, find_root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace in a folder of a repository, with a folder of code beside it."""
    for folder in (".git", "database/migrations", "database/environments", "database/seeds/staging", "database/src/x"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path / "database"


@pytest.mark.parametrize("inside", ["migrations", "environments", "seeds/staging", "src/x", "src"])
def test_a_folder_inside_leads_to_the_root(root: Path, inside: str) -> None:
    assert find_root(root / inside) == root


def test_the_root_itself_stays_as_it_was_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert find_root(Path()) == Path()
    assert enclosing_root(Path()) == Path()


def test_the_search_ends_at_the_repository(root: Path) -> None:
    inner = root / "src/x/vendored"
    (inner / ".git").mkdir(parents=True)
    (inner / "lib").mkdir()
    assert find_root(inner / "lib") == inner / "lib"
    assert find_root(inner) == inner


def test_outside_of_a_repository_only_a_part_of_a_workspace_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "src").mkdir()
    assert find_root(tmp_path / "migrations") == tmp_path
    assert find_root(tmp_path / "src") == tmp_path / "src"


def test_a_new_workspace_is_begun_here_unless_here_is_a_part_of_one(root: Path) -> None:
    assert enclosing_root(root / "src") == root / "src"
    assert enclosing_root(root / "migrations") == root

"""Searching a repository's code, with real files and real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ctgitops.core.trial.code_reference import Searched
from ctgitops.files.code_search import search_code
from ctgitops.files.git import top_of
from ctgitops.files.repository import Repository
from ctgitops.sql.name_changes import ChangedName

GONE = (ChangedName("fibre_nodes"),)


def write(root: Path, path: str, text: str = "select * from fibre_nodes\n") -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def found(root: Path, top: Path | None = None) -> list[str]:
    return [str(mention) for mention in search_code(root, top or root, GONE).mentions]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    write(tmp_path, "migrations/001_nodes.sql")
    write(tmp_path, "seeds/staging/nodes.sql")
    write(tmp_path, "environments/staging.yaml")
    write(tmp_path, "docs/nodes.md")
    write(tmp_path, "package-lock.json")
    write(tmp_path, "node_modules/orm/index.js")
    write(tmp_path, ".hidden.ts")
    write(tmp_path, "app/nodes.ts", "\n\nselect * from fibre_nodes\n")
    write(tmp_path, "migrations_tool/run.py")
    return tmp_path


def test_only_code_that_people_write_is_searched(checkout: Path) -> None:
    assert found(checkout) == ["app/nodes.ts:3", "migrations_tool/run.py:1"]


def test_what_git_ignores_is_no_code_of_the_repository(checkout: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=checkout, check=True)
    subprocess.run(["git", "add", "app", "migrations"], cwd=checkout, check=True)
    assert found(checkout) == ["app/nodes.ts:3"]


def test_code_beside_the_folder_with_the_migrations_counts(checkout: Path) -> None:
    write(checkout, "database/migrations/001_nodes.sql")
    subprocess.run(["git", "init", "-q"], cwd=checkout, check=True)
    subprocess.run(["git", "add", "app", "database"], cwd=checkout, check=True)
    assert found(checkout / "database", top_of(checkout / "database")) == ["app/nodes.ts:3"]


def test_a_repository_elsewhere_is_not_this_one(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    write(other, "app.py")
    assert found(other, checkout) == ["app.py:1"]


def test_what_is_no_text_is_passed_over(checkout: Path) -> None:
    (checkout / "app" / "picture.png").write_bytes(b"\x89PNG\0fibre_nodes")
    (checkout / "app" / "link.ts").symlink_to("/etc/passwd")
    assert found(checkout) == ["app/nodes.ts:3", "migrations_tool/run.py:1"]


def test_code_that_is_too_large_or_is_no_utf_8_was_not_searched(checkout: Path) -> None:
    (checkout / "app" / "latin.py").write_bytes(b"# \xe4\nselect * from fibre_nodes\n")
    write(checkout, "app/bundle.js", "x" * 1_000_001)
    write(checkout, "app/cities.json", "x" * 1_000_001)
    assert search_code(checkout, checkout, GONE).unsearched == (
        "2 files are not searched, such as `app/bundle.js`: the file has 1,000,001 bytes, but the limit is 1,000,000"
    )


def test_a_search_that_was_cut_says_so(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctgitops.files.code_search.MOST", 1)
    searched = search_code(checkout, checkout, GONE)
    assert [str(m) for m in searched.mentions] == ["app/nodes.ts:3"]
    assert searched.unsearched == "there are more than 1 files"


def test_a_search_that_takes_too_long_ends_and_says_what_it_did_not_search(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(checkout, "zoo/nodes.py")
    clock = iter([0.0, 1.0, 29.9, 30.1])
    monkeypatch.setattr("ctgitops.files.code_search.time.monotonic", lambda: next(clock))
    searched = search_code(checkout, checkout, GONE)
    assert [str(m) for m in searched.mentions] == ["app/nodes.ts:3", "migrations_tool/run.py:1"]
    assert searched.unsearched == "the search ends after 30 seconds, with 2 of 3 files searched"


def test_code_that_cannot_be_read_is_not_code_that_was_searched(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Repository, path: str, limit: int) -> bytes:
        raise PermissionError(13, "Permission denied", f"{path}:{limit}")

    monkeypatch.setattr(Repository, "_bytes", refused)
    assert search_code(checkout, checkout, GONE).unsearched == (
        "2 files or folders cannot be read, such as `app/nodes.ts`"
    )


def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def listed(path: str) -> object:
        if str(path).endswith("/app"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", listed)
    assert search_code(checkout, checkout, GONE).unsearched == "1 files or folders cannot be read, such as `app`"


def test_a_tracked_file_that_was_deleted_is_no_code(checkout: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=checkout, check=True)
    subprocess.run(["git", "add", "app", "migrations"], cwd=checkout, check=True)
    (checkout / "app/nodes.ts").unlink()
    assert search_code(checkout, checkout, GONE) == Searched()

"""`init` keeps backups out of git, and leaves what a person wrote there alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctgitops.errors import UsageError
from ctgitops.files.scaffold import ignore_backups
from tests.files.test_git import git


def text(root: Path) -> str:
    return (root / ".gitignore").read_text()


def test_a_new_file(tmp_path: Path) -> None:
    assert ignore_backups(tmp_path, ("backups/production", "backups/staging")) == ("/backups/",)
    assert text(tmp_path) == "# backups of ctgitops hold real rows\n/backups/\n"
    assert ignore_backups(tmp_path, ("backups/production",)) == ()


def test_what_is_there_stays_and_a_last_line_without_an_end_is_ended(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"*.log\r\ncaf\xe9")
    assert ignore_backups(tmp_path, ("var/dumps",)) == ("/var/dumps/",)
    assert (tmp_path / ".gitignore").read_bytes() == (
        b"*.log\r\ncaf\xe9\n# backups of ctgitops hold real rows\n/var/dumps/\n"
    )


@pytest.mark.parametrize("line", ["backups", "backups/", "/backups/", "/backups/*", "!backups/", " backups/ "])
def test_what_a_person_decided_is_not_decided_again(tmp_path: Path, line: str) -> None:
    (tmp_path / ".gitignore").write_text(f"{line}\n")
    assert ignore_backups(tmp_path, ("backups/production",)) == ()
    assert text(tmp_path) == f"{line}\n"


def test_what_git_ignores_by_another_file_is_not_written_again(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("database/back*/\n")
    (tmp_path / "database").mkdir()
    assert ignore_backups(tmp_path / "database", ("backups/production",)) == ()
    assert not (tmp_path / "database/.gitignore").exists()


def test_a_folder_elsewhere_is_not_in_the_repository(tmp_path: Path) -> None:
    assert ignore_backups(tmp_path, ("/var/backups", "../backups", "s3://bucket/x", ".")) == ()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    (tmp_path / ".gitignore").symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match="is a symbolic link"):
        ignore_backups(tmp_path, ("backups",))
    assert (tmp_path / "other").read_text() == ""

"""A git that fails is an error with its own words; it is never read as "nothing changed" or "no such branch"."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from ctgitops.cli.main import ctgitops
from ctgitops.errors import CtgitopsError, UsageError, WorkspaceError
from ctgitops.files import git_command
from ctgitops.files.git import base_of, changed_since, head_of, merged_files, required_base, top_of, tracked
from tests.fakes import header
from tests.files.checkout import Checkout

WHO = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main")


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *WHO, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path, words: str = "x") -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", words)


@pytest.fixture
def origin(repo: Checkout) -> Path:
    """main has 001; feat adds a CHECK that scans the table, which lint calls an error; main went on since."""
    git(repo.root, "init", "-q", "-b", "main")
    git(repo.root, "config", "uploadpack.allowFilter", "true")
    repo.write("migrations/001_a.sql", "create table a (id int primary key);\n")
    commit(repo.root)
    git(repo.root, "switch", "-qc", "feat")
    repo.write("migrations/002_c.sql", "alter table a add constraint x check (id > 0);\n")
    commit(repo.root)
    git(repo.root, "switch", "-q", "main")
    repo.write("migrations/002_theirs.sql", "-- Version: 1.1.0\nselect 1;\n")
    commit(repo.root)
    return repo.root


@pytest.fixture
def clone(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A clone of it on feat, whose remote cannot be reached afterwards."""

    def made(*options: str) -> Path:
        root = tmp_path_factory.mktemp("clone") / "c"
        git(origin, "clone", "-q", "-b", "feat", *options, origin.as_uri(), str(root))
        git(root, "remote", "set-url", "origin", "https://someone:hunter2@127.0.0.1:9/gone.git")
        return root

    return made


@pytest.fixture
def fake_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A program in the place of git."""

    def made(script: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "git").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")

    return made


def check(root: Path, base: str = "origin/main") -> int:
    """The status of `check --changed`; an error is raised as it is."""
    done = CliRunner().invoke(ctgitops, ["check", "--root", str(root), "--changed", base], standalone_mode=False)
    if done.exception:
        raise done.exception
    return int(done.return_value)


def test_a_full_clone_finds_what_the_branch_changed(clone: Callable[..., Path]) -> None:
    assert check(clone()) == 1


def test_a_clone_without_blobs_can_tell_what_changed_but_not_which_versions_are_taken(
    clone: Callable[..., Path],
) -> None:
    root = clone("--filter=blob:none")
    assert check(root) == 1
    with pytest.raises(WorkspaceError, match="git cannot determine what the base branch has: "):
        base_of(root)


def test_a_clone_without_trees_is_an_error_with_git_s_words_and_without_its_password(
    clone: Callable[..., Path],
) -> None:
    with pytest.raises(WorkspaceError, match="git cannot determine") as caught:
        check(clone("--filter=tree:0"))
    assert "Could not connect" in caught.value.what or "Failed to connect" in caught.value.what
    assert "hunter2" not in caught.value.what
    assert "git fetch --refetch --no-filter origin" in caught.value.hint


def test_the_help_of_a_partial_clone_works_when_it_is_followed(clone: Callable[..., Path], origin: Path) -> None:
    root = clone("--filter=tree:0")
    git(root, "remote", "set-url", "origin", origin.as_uri())
    git(root, "fetch", "-q", "--refetch", "--no-filter", "origin")
    git(root, "remote", "set-url", "origin", "https://127.0.0.1:9/gone.git")
    assert check(root) == 1


def test_a_shallow_clone_without_a_common_commit(clone: Callable[..., Path], origin: Path) -> None:
    root = clone("--depth=1", "--no-single-branch")
    with pytest.raises(WorkspaceError, match="is shallow") as caught:
        check(root)
    git(root, "remote", "set-url", "origin", origin.as_uri())
    follow(root, caught.value)
    assert check(root) == 1


def test_a_shallow_clone_that_has_no_such_branch(clone: Callable[..., Path], origin: Path) -> None:
    root = clone("--depth=1")
    with pytest.raises(UsageError, match="git has no branch, tag or commit `origin/main`") as caught:
        check(root)
    git(root, "remote", "set-url", "origin", origin.as_uri())
    follow(root, caught.value)
    assert check(root) == 1


def follow(root: Path, error: CtgitopsError) -> None:
    """Runs the first command of a hint."""
    git(root, *shlex.split(error.hint.split("`")[1])[1:])


def test_a_branch_that_only_the_remote_has_is_named_as_it_is_called(clone: Callable[..., Path]) -> None:
    with pytest.raises(UsageError) as caught:
        check(clone(), "main")
    assert caught.value.hint == "did you mean `--changed origin/main`?"


def test_histories_without_a_common_commit_differ_in_whole(origin: Path) -> None:
    git(origin, "switch", "-q", "--orphan", "other")
    (origin / "migrations").mkdir(exist_ok=True)
    (origin / "migrations/001_z.sql").write_text("select 1;\n")
    commit(origin)
    base = required_base(origin, "main", "--changed")
    assert "migrations/001_z.sql" in changed_since(origin, base)


def test_files_that_the_remote_has_unchanged_are_merged(clone: Callable[..., Path], origin: Path) -> None:
    root = clone()
    assert {"migrations/001_a.sql", "migrations/002_c.sql"} & merged_files(root) == {"migrations/001_a.sql"}
    (root / "migrations/001_a.sql").write_text("select 1;\n")
    assert "migrations/001_a.sql" not in merged_files(root)
    assert merged_files(origin) == frozenset()  # without a remote, it is not known what others have


def test_a_contradiction_in_a_merged_file_is_a_warning_only(clone: Callable[..., Path]) -> None:
    root = clone()
    (root / "migrations/policy.yaml").write_text("header: optional\n")
    text = f"{header('003_d', Version='1.0.0', Rollback='Not Available')}drop table a;\n"
    (root / "migrations/003_d.sql").write_text(text)
    assert "error[breaking-undeclared]" in CliRunner().invoke(ctgitops, ["check", "--root", str(root)]).output
    commit(root)
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert "warning[breaking-undeclared]" in CliRunner().invoke(ctgitops, ["check", "--root", str(root)]).output


def test_outside_of_a_repository(repo: Checkout) -> None:
    with pytest.raises(WorkspaceError, match="not a git repository"):
        check(repo.root)
    with pytest.raises(WorkspaceError, match="not a git repository"):
        required_base(repo.root, None, "--changed")
    assert base_of(repo.root) is None


def test_an_index_that_cannot_be_read(origin: Path) -> None:
    git(origin, "switch", "-q", "feat")
    (origin / ".git/index").write_bytes(b"DIRC nonsense")
    with pytest.raises(WorkspaceError, match="index") as caught:
        check(origin, "main")
    assert "git reset" in caught.value.hint
    command = caught.value.hint.split("`")[1]
    subprocess.run(["sh", "-c", command], cwd=origin, check=True, capture_output=True)
    assert check(origin, "main") == 1


def test_without_git(origin: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    head = git(origin, "rev-parse", "HEAD")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(WorkspaceError, match="git is not installed"):
        check(origin, "main")
    with pytest.raises(WorkspaceError, match="git is not installed"):
        base_of(origin)
    assert tracked(origin) is None
    assert top_of(origin / "migrations") == origin.resolve()
    assert head_of(origin) == head


def test_head_in_packed_refs_and_detached(origin: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    head = git(origin, "rev-parse", "HEAD")
    git(origin, "pack-refs", "--all")
    path = tmp_path / "empty"
    path.mkdir()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(path))
        assert head_of(origin) == head
    git(origin, "switch", "-q", "--detach", "feat")
    detached = git(origin, "rev-parse", "HEAD")
    monkeypatch.setenv("PATH", str(path))
    assert head_of(origin) == detached


def test_a_folder_of_another_owner(origin: Path, fake_git: Callable[[str], None]) -> None:
    fake_git("echo \"fatal: detected dubious ownership in repository at '/x'\" >&2; exit 128")
    with pytest.raises(WorkspaceError, match="detected dubious ownership") as caught:
        check(origin, "main")
    assert "git config" in caught.value.hint


def test_a_git_that_hangs_is_ended_with_its_helpers(
    origin: Path, fake_git: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_command, "SECONDS", 0.2)
    fake_git("sleep 600 & sleep 600")
    with pytest.raises(WorkspaceError, match=r"did not finish within 0\.2 seconds"):
        check(origin, "main")


def test_git_never_asks(origin: Path, fake_git: Callable[[str], None]) -> None:
    fake_git(
        'test "$GIT_TERMINAL_PROMPT" = 0 && test -z "$GIT_ASKPASS" && ! (: </dev/tty) 2>/dev/null && read line;'
        ' echo "fatal: asked: $?" >&2; exit 128'
    )
    with pytest.raises(WorkspaceError, match="asked: 1"):
        check(origin, "main")


@pytest.mark.parametrize("setting", ["grep.lineNumber", "grep.column", "color.ui", "grep.fullName"])
def test_settings_of_git_hide_no_version(origin: Path, setting: str) -> None:
    git(origin, "config", setting, "always" if setting.startswith("color") else "true")
    base = base_of(origin, "main")
    assert base
    assert [str(version) for version in base.versions] == ["1.1.0"]

"""`check` names a migration file that git knows and the working tree no longer has."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from ctgitops.commands.check import check, exit_status
from ctgitops.core.problem import Problem
from ctgitops.files.removal import removals
from tests.files.checkout import HEADER, Checkout
from tests.files.test_git import commit, git

TEXT = "create table {0} (id int);\n"


@pytest.fixture
def branch(repo: Checkout) -> Checkout:
    """main has 001, 002 and 003; a branch goes on from there."""
    git(repo.root, "init", "-q", "-b", "main")
    for name in ("001_users", "002_orders", "003_items"):
        repo.write(f"migrations/{name}.sql", TEXT.format(name[4:]))
        repo.write(f"migrations/{name}.down.sql", f"drop table {name[4:]};\n")
    commit(repo.root)
    git(repo.root, "switch", "-qc", "feature")
    return repo


def remove(repo: Checkout, name: str) -> None:
    for path in (repo.root / "migrations").glob(f"{name}*"):
        path.unlink()


def found(repo: Checkout) -> list[Problem]:
    return [p for p in check(repo.read(), removals(repo.root)) if p.code.startswith("removed")]


def test_nothing_is_said_of_files_that_exist_or_were_only_changed(branch: Checkout) -> None:
    branch.write("migrations/003_items.sql", "select 2;\n")
    branch.write("migrations/004_new.sql")
    assert found(branch) == []


@pytest.mark.parametrize("name", ["001_users", "002_orders", "003_items"])
def test_a_file_that_the_working_tree_lacks_blocks_and_the_help_restores_it(branch: Checkout, name: str) -> None:
    before = sorted((branch.root / "migrations").iterdir())
    remove(branch, name)
    (problem,) = found(branch)
    assert problem.what == f"main has migration {name}, but this working tree does not have the file"
    assert exit_status((problem,)) == 3
    assert problem.place is None
    git(branch.root, *shlex.split(problem.hint.split("`")[1])[1:])
    assert sorted((branch.root / "migrations").iterdir()) == before
    assert found(branch) == []


def test_the_commit_that_removed_it_is_named(branch: Checkout) -> None:
    remove(branch, "002_orders")
    commit(branch.root, "clean up")
    branch.write("migrations/004_new.sql")
    commit(branch.root)
    sha = git(branch.root, "rev-parse", "HEAD^")
    (problem,) = found(branch)
    assert problem.what.startswith(f"main has migration 002_orders, but commit {sha[:12]} (a, ")
    git(branch.root, *shlex.split(problem.hint.split("`")[1])[1:])
    assert found(branch) == []


def test_a_removal_that_is_merged_already_warns_with_its_commit(branch: Checkout) -> None:
    remove(branch, "002_orders")
    commit(branch.root, "clean up")
    git(branch.root, "branch", "-f", "main", "HEAD")
    sha = git(branch.root, "rev-parse", "HEAD")
    (problem,) = found(branch)
    assert problem.what.startswith(f"commit {sha[:12]} (a, ")
    assert not problem.blocks
    git(branch.root, *shlex.split(problem.hint.split("`")[1])[1:])
    assert found(branch) == []


def test_a_removal_on_purpose_is_in_the_policy(branch: Checkout) -> None:
    remove(branch, "003_items")
    branch.write("migrations/policy.yaml", "header: optional\nremoved: [003_items]\n")
    assert found(branch) == []


def test_what_the_branch_added_itself_may_go_again(branch: Checkout) -> None:
    branch.write("migrations/004_new.sql")
    commit(branch.root)
    remove(branch, "004_new")
    assert found(branch) == []
    commit(branch.root)
    assert found(branch) == []


@pytest.mark.parametrize("staged", [True, False])
def test_a_rename_under_the_same_number_is_no_removal(branch: Checkout, staged: bool) -> None:
    header = HEADER.format(name="002_orders", version="1.1.0")
    branch.write("migrations/002_orders.sql", header)
    git(branch.root, "switch", "-q", "-C", "main")
    commit(branch.root)
    remove(branch, "002_orders")
    branch.write("migrations/002_all_orders.sql", header.replace("002_orders", "002_all_orders"))
    if staged:
        git(branch.root, "add", "-A")
    assert found(branch) == []


@pytest.mark.parametrize("other", ["005_orders.sql", "002_customers.sql"])
def test_another_number_or_another_text_is_a_removal(branch: Checkout, other: str) -> None:
    (branch.root / "migrations/002_orders.sql").rename(branch.root / "migrations" / other)
    remove(branch, "002_orders")
    if "customers" in other:
        branch.write(f"migrations/{other}", TEXT.format("customers"))
    git(branch.root, "add", "-A")
    assert [p.what for p in found(branch)] == [
        "main has migration 002_orders, but this working tree does not have the file"
    ]


def test_a_migration_that_was_renumbered_and_merged_is_not_missed(branch: Checkout) -> None:
    git(branch.root, "mv", "migrations/003_items.sql", "migrations/004_items.sql")
    remove(branch, "003_items")
    git(branch.root, "switch", "-q", "-C", "main")
    commit(branch.root)
    assert found(branch) == []


def test_a_workspace_in_a_folder_of_the_repository(branch: Checkout) -> None:
    (branch.root / "database").mkdir()
    git(branch.root, "mv", "migrations", "database/migrations")
    git(branch.root, "switch", "-q", "-C", "main")
    commit(branch.root)
    inner = Checkout(branch.root / "database")
    assert found(inner) == []
    remove(inner, "002_orders")
    (problem,) = found(inner)
    git(inner.root, *shlex.split(problem.hint.split("`")[1])[1:])
    assert found(inner) == []


def test_without_git_and_before_the_first_commit_nothing_is_known(repo: Checkout) -> None:
    assert found(repo) == []
    git(repo.root, "init", "-q")
    assert found(repo) == []


def test_where_git_fails_that_is_said_and_does_not_block(
    branch: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    (problem,) = found(branch)
    assert problem.what == (
        "cannot check whether applied migrations were removed: git cannot determine which files were removed: "
        "git is not installed"
    )
    assert not problem.blocks


def test_a_shallow_clone_of_the_branch_alone_says_that_it_cannot_tell(
    branch: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("shallow") / "c"
    command = ["git", "clone", "-q", "--depth=1", "-b", "feature", branch.root.as_uri(), str(root)]
    subprocess.run(command, check=True, capture_output=True)
    (problem,) = found(Checkout(root))
    assert problem.what.endswith("this clone is shallow")


def test_a_clone_without_trees_is_not_asked_for_its_history(
    branch: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    git(branch.root, "config", "uploadpack.allowFilter", "true")
    git(branch.root, "switch", "-q", "main")
    remove(branch, "002_orders")
    commit(branch.root)
    root = tmp_path_factory.mktemp("treeless") / "c"
    command = ["git", "clone", "-q", "--filter=tree:0", branch.root.as_uri(), str(root)]
    subprocess.run(command, check=True, capture_output=True)
    (problem,) = found(Checkout(root))
    assert problem.what.endswith("this partial clone lacks the trees of earlier commits")
    subprocess.run(["sh", "-c", problem.hint.split("`")[1]], cwd=root, check=True, capture_output=True)
    assert [p.code for p in found(Checkout(root))] == ["removed"]

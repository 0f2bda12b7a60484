"""`ctgitops new --renumber` moves a migration behind those that were merged first."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ctgitops.commands.new import renumber as decide
from ctgitops.core.workspace.numbering import BaseBranch
from ctgitops.core.workspace.workspace import problems_of
from ctgitops.errors import UsageError
from ctgitops.files.git import base_of
from ctgitops.files.renumber import renumber
from tests.fakes import Diary, chained, entry
from tests.files.checkout import Checkout

HEADER = """\
-- Migration: {name}
-- Version: {version}
-- Description: One more
-- Breaking Changes: {breaking}
-- Rollback: Available
-- Created: 2026-01-12
-- Author: Anna
--
-- Dependencies: {needs}
-- Estimated Execution Time: 1 s
-- Impact: nobody waits

create table t_{name} ();
select record_migration('{name}.sql');
"""


def write(repo: Checkout, name: str, version: str, needs: str = "None", breaking: str = "No") -> None:
    repo.write(f"migrations/{name}.sql", HEADER.format(name=name, version=version, needs=needs, breaking=breaking))
    repo.write(f"migrations/{name}.down.sql", f"-- Takes back {name}.\ndrop table t_{name};\n")


def git(repo: Checkout, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    subprocess.run(["git", *who, *arguments], cwd=repo.root, check=True, capture_output=True)


@pytest.fixture
def branch(repo: Checkout) -> Checkout:
    """A branch that adds 002 and 003, in which the main branch, that has another 002 by now, was merged."""
    git(repo, "init", "-q", "-b", "main")
    write(repo, "001_one", "1.0.0")
    write(repo, "002_theirs", "1.1.0", "001")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "x")
    git(repo, "switch", "-qc", "feature")
    write(repo, "002_ours", "1.1.0", "001")
    repo.write("migrations/002_ours.verify.sql", "select true;\n")
    write(repo, "003_more", "2.0.0", "001, 002_ours", breaking="Yes")
    return repo


def renumbered(
    repo: Checkout, wanted: str, base: BaseBranch | None = None, databases: Diary | None = None
) -> list[str]:
    found = base or base_of(repo.root) or BaseBranch("")
    decided = decide(repo.read(), wanted, found, databases=databases or Diary())
    renumber(repo.root, decided.moves, decided.others)
    return sorted(path.name for path in (repo.root / "migrations").glob("*.sql"))


@pytest.mark.parametrize("wanted", ["002", "2", "002_ours", "migrations/002_ours.sql"])
def test_what_the_branch_adds_moves_behind_what_the_base_has(branch: Checkout, wanted: str) -> None:
    assert "duplicate-number" in {problem.code for problem in problems_of(branch.read())}
    assert renumbered(branch, wanted) == [
        "001_one.down.sql",
        "001_one.sql",
        "002_theirs.down.sql",
        "002_theirs.sql",
        "003_ours.down.sql",
        "003_ours.sql",
        "003_ours.verify.sql",
        "004_more.down.sql",
        "004_more.sql",
    ]
    workspace = branch.read()
    assert problems_of(workspace) == ()
    assert [(m.name, str(m.version), m.dependencies) for m in workspace.migrations] == [
        ("001_one", "1.0.0", ()),
        ("002_theirs", "1.1.0", (1,)),
        ("003_ours", "1.2.0", (1,)),
        ("004_more", "2.0.0", (1, 3)),
    ]
    text = (branch.root / "migrations/003_ours.sql").read_text()
    assert "record_migration('003_ours.sql')" in text
    assert (branch.root / "migrations/003_ours.down.sql").read_text().startswith("-- Takes back 003_ours.")


def test_a_second_time_there_is_nothing_to_do(branch: Checkout) -> None:
    renumbered(branch, "002")
    before = {path: path.read_bytes() for path in (branch.root / "migrations").iterdir()}
    renumbered(branch, "003_ours")
    assert {path: path.read_bytes() for path in (branch.root / "migrations").iterdir()} == before


def test_what_the_base_has_keeps_its_number(branch: Checkout) -> None:
    with pytest.raises(UsageError, match="002_theirs is already on main"):
        renumbered(branch, "002_theirs")


@pytest.mark.parametrize("name", ["002_ours", "003_more"])
def test_what_is_applied_keeps_its_number(branch: Checkout, name: str) -> None:
    found = next(m for m in branch.read().migrations if m.name == name)
    branch.write("environments/staging.yaml", "environment: staging\ndatabase: {url: '${S}'}\n")
    with pytest.raises(UsageError, match=f"{name} cannot be renumbered: staging has applied it"):
        renumbered(branch, "002_ours", databases=Diary(ledgers={"staging": chained(entry(found))}))
    assert (branch.root / "migrations/002_ours.sql").exists()


def test_another_one_that_has_the_number_on_a_database_is_no_obstacle(branch: Checkout) -> None:
    branch.write("environments/staging.yaml", "environment: staging\ndatabase: {url: '${S}'}\n")
    theirs = next(m for m in branch.read().migrations if m.name == "002_theirs")
    assert "003_ours.sql" in renumbered(branch, "002", databases=Diary(ledgers={"staging": chained(entry(theirs))}))


@pytest.mark.parametrize("same_text", [False, True])
def test_without_git_the_one_that_no_ledger_has_is_meant(repo: Checkout, same_text: bool) -> None:
    for name in ("001_a", "001_b"):
        repo.write(f"migrations/{name}.sql", f"select '{'x' if same_text else name}';\n")
    repo.write("environments/staging.yaml", "environment: staging\ndatabase: {url: '${S}'}\n")
    applied = next(m for m in repo.read().migrations if m.name == "001_b")
    diary = Diary(ledgers={"staging": chained(entry(applied))})
    with pytest.raises(UsageError, match="001_b cannot be renumbered: staging has applied it") as caught:
        renumbered(repo, "001_b", BaseBranch(""), diary)
    assert "`ctgitops new --renumber 001_a`" in caught.value.hint
    assert renumbered(repo, "001", BaseBranch(""), diary) == ["001_b.sql", "002_a.sql"]


def test_without_git_only_the_one_that_is_named_moves(repo: Checkout) -> None:
    for name, version in (("001_a", "1.0.0"), ("001_b", "1.0.0"), ("002_c", "1.1.0")):
        write(repo, name, version)
    with pytest.raises(UsageError, match="matches several migrations"):
        renumbered(repo, "001", BaseBranch(""))
    assert [n for n in renumbered(repo, "001_b", BaseBranch("")) if ".down" not in n] == [
        "001_a.sql",
        "002_c.sql",
        "003_b.sql",
    ]
    assert problems_of(repo.read()) == ()


def test_a_band_that_is_full_and_a_name_that_is_not_there(repo: Checkout) -> None:
    repo.write("migrations/policy.yaml", "bands: {core: 1-2}\n")
    for name in ("001_a", "001_b", "002_c"):
        write(repo, name, "1.0.0")
    with pytest.raises(UsageError, match="no number left"):
        renumbered(repo, "001_b", BaseBranch(""))
    with pytest.raises(UsageError, match="migration `9` was not found"):
        renumbered(repo, "9", BaseBranch(""))


def test_line_ends_stay_as_they_are(repo: Checkout) -> None:
    write(repo, "001_a", "1.0.0")
    text = HEADER.format(name="001_b", version="1.0.0", needs="None", breaking="No").replace("\n", "\r\n")
    repo.write("migrations/001_b.sql", text.encode())
    renumbered(repo, "001_b", BaseBranch(""))
    moved = (repo.root / "migrations/002_b.sql").read_bytes()
    assert moved == text.replace("001_b", "002_b").replace("1.0.0", "1.1.0", 1).encode()


def test_the_command(branch: Checkout, monkeypatch: pytest.MonkeyPatch, run_cli: Callable[..., str]) -> None:
    monkeypatch.chdir(branch.root)
    said = run_cli("new", "--renumber", "002")
    assert "renamed migrations/002_ours.sql to migrations/003_ours.sql" in said
    assert "003_ours has version 1.2.0" in said
    assert "nothing to do" in run_cli("new", "--renumber", "003")
    assert "cannot be combined with words" in run_cli("new", "--renumber", "003", "words", status=2)
    assert "describe the migration in a few words" in run_cli("new", status=2)


@pytest.fixture
def run_cli() -> Callable[..., str]:
    from click.testing import CliRunner

    from ctgitops.cli.main import ctgitops

    def run(*arguments: str, status: int = 0) -> str:
        done = CliRunner().invoke(ctgitops, arguments)
        assert status in {done.exit_code, done.return_value}, done.output
        return done.output

    return run


def test_an_option_is_no_branch(branch: Checkout, tmp_path: Path) -> None:
    assert base_of(branch.root, f"--output={tmp_path}/x") is None
    assert not (tmp_path / "x").exists()

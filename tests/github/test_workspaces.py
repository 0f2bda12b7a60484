"""Databases of one repository share commits and environments on GitHub, and each sees only its own results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ctgitops.core.forge.forge import Check, CommitState, CommitStatus, Conclusion, Deployment
from ctgitops.core.forge.live_check import LiveCheck
from ctgitops.core.gate.review import ShownFile, shown_texts
from ctgitops.github.access import Access
from ctgitops.github.forge import GitHubForge
from ctgitops.wiring.wiring import Wiring

from .scripted import Scripted, running
from .test_forge_retry import QUICK, SHA
from .test_shown import HEAD, TIP, Hub, pull

WORKSPACES = ("", "services/orders", "services/users")


@pytest.fixture
def github() -> Iterator[Scripted]:
    with running() as started:
        yield started


def forge(github: Scripted, workspace: str) -> GitHubForge:
    return GitHubForge(Access("ours", "o/r", github.url), pytest.fail, workspace=workspace, patience=QUICK)


def test_a_result_of_one_database_does_not_replace_that_of_another(github: Scripted) -> None:
    """GitHub shows the newest check run, and the newest status, of each name on a commit."""
    for workspace in WORKSPACES:
        made = forge(github, workspace)
        made.check(Check("ctgitops / plan", SHA, Conclusion.FAILURE, "t", "s", texts=("a", "b")))
        made.live_check(LiveCheck("ctgitops / apply to staging", SHA, "t", "s"))
        made.status(CommitStatus(SHA, "ctgitops / staging", CommitState.SUCCESS, "d"))
    names = [row["name"] for row in github.made["check-runs"]]
    assert len(set(names)) == len(names) == 3 * 3
    assert {"ctgitops / plan", "ctgitops / plan (services/orders)"} < set(names)
    assert "ctgitops / plan, files 2 of 2 (services/users)" in names
    contexts = [row["context"] for row in github.made["statuses"]]
    assert contexts == ["ctgitops / staging", *(f"ctgitops / staging ({each})" for each in WORKSPACES[1:])]


def test_a_run_sees_only_the_deployments_of_its_own_database(github: Scripted) -> None:
    """It closes deployments of killed runs, and must not close those of a run on another database."""
    numbers = {each: forge(github, each).deploy(Deployment("staging", SHA, "x")) for each in WORKSPACES}
    for number in numbers.values():
        github.canned[f"/deployments/{number}/statuses"] = []
    for row in github.made["deployments"]:
        row["sha"] = row["ref"]
    for workspace, number in numbers.items():
        assert [old.number for old in forge(github, workspace).deployments_to("staging")] == [number]


def test_the_files_that_a_plan_showed_are_read_from_its_own_check_run(github: Scripted) -> None:
    file = ShownFile("services/orders/migrations/001_red.sql", "sha256:aa")
    hub = Hub(github)
    github.canned[f"/commits/{HEAD}/check-runs"] = {
        "total_count": 1,
        "check_runs": [
            {"id": 1, "name": "ctgitops / plan (services/orders)", "output": {"text": shown_texts((file,))[0]}}
        ],
    }
    assert pull()["head"]["sha"] == HEAD
    assert forge(github, "services/orders").seen((file,), TIP) == {file.digest}
    assert hub.forge.seen((file,), TIP) == frozenset()


def test_a_checkout_names_its_results_after_the_folder_of_its_workspace(github: Scripted, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for folder in WORKSPACES:
        (tmp_path / folder / "migrations").mkdir(parents=True)
        environ = {"GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": "o/r", "GITHUB_WORKSPACE": str(tmp_path)}
        made = Wiring(tmp_path / folder, environ).forge("ours", pytest.fail)
        made.status(CommitStatus(SHA, "x", CommitState.SUCCESS, "d"))
    assert [row["context"] for row in github.made["statuses"]] == ["x", "x (services/orders)", "x (services/users)"]

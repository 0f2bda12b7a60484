"""The files that merged pull requests showed, read from a fake GitHub with scripted answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ctgitops.core.gate.review import MOST, ShownFile, shown_texts
from ctgitops.errors import ForgeError
from ctgitops.github.access import Access
from ctgitops.github.forge import GitHubForge

from .scripted import Fault, Scripted, running
from .test_forge_retry import INACCESSIBLE, QUICK

TIP, MINE, HEAD, GROUP = (digit * 40 for digit in "1234")
FILE = ShownFile("migrations/001_red.sql", "sha256:aa")
OTHER = ShownFile("migrations/002_blue.sql", "sha256:bb")


def pull(number: int = 42, **more: Any) -> dict[str, Any]:
    base = {"ref": "main", "repo": {"default_branch": "main"}}
    merged = {"merged_at": "2026-11-24T09:30:00Z", "merge_commit_sha": GROUP}
    return {"number": number, "base": base, "head": {"sha": HEAD}, **merged, **more}


def run(*files: ShownFile, name: str = "ctgitops / plan", text: str | None = None) -> dict[str, Any]:
    return {"id": 1, "name": name, "output": {"text": shown_texts(files)[0] if text is None else text}}


class Hub:
    """A GitHub with one merged pull request, which showed `FILE`."""

    def __init__(self, github: Scripted) -> None:
        self.github = github
        self.forge = GitHubForge(Access("ours", "o/r", github.url), pytest.fail, patience=QUICK)
        github.canned["/commits"] = [{"sha": MINE}]
        github.canned[f"/commits/{MINE}/pulls"] = [pull()]
        self.runs(HEAD, run(FILE))
        self.runs(GROUP)

    def runs(self, sha: str, *runs: dict[str, Any]) -> None:
        self.github.canned[f"/commits/{sha}/check-runs"] = {"total_count": len(runs), "check_runs": list(runs)}

    def seen(self, *files: ShownFile) -> list[ShownFile]:
        found = self.forge.seen(files, TIP)
        return [file for file in files if file.digest in found]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as github:
        made = Hub(github)
        yield made
        made.forge.close()


def test_what_the_head_s_check_run_showed_was_seen(hub: Hub) -> None:
    assert hub.seen(FILE, OTHER) == [FILE]


def test_one_look_answers_for_every_file_that_it_shows(hub: Hub) -> None:
    hub.runs(HEAD, run(FILE, OTHER))
    assert hub.seen(FILE, OTHER) == [FILE, OTHER]
    assert [path for _, path in hub.github.log].count("/commits") == 1


def test_what_a_merge_group_showed_was_seen(hub: Hub) -> None:
    hub.runs(HEAD)
    hub.runs(GROUP, run(OTHER), run(FILE))
    assert hub.seen(FILE) == [FILE]


@pytest.mark.parametrize(
    "pulls",
    [
        [],
        [pull(merged_at=None)],
        [pull(base={"ref": "topic", "repo": {"default_branch": "main"}})],
    ],
    ids=["pushed directly", "still open", "merged into another branch"],
)
def test_what_came_by_no_merged_pull_request_was_not_seen(hub: Hub, pulls: list[Any]) -> None:
    hub.github.canned[f"/commits/{MINE}/pulls"] = pulls
    assert hub.seen(FILE) == []


def test_a_file_without_a_commit_was_not_seen(hub: Hub) -> None:
    hub.github.canned["/commits"] = []
    assert hub.seen(FILE) == []


@pytest.mark.parametrize(
    "other",
    [run(ShownFile(FILE.path, "sha256:ab")), run(FILE, name="ctgitops / plan 2"), run(text="no record"), run(text="")],
    ids=["another text", "another check", "no record", "no text"],
)
def test_only_this_text_in_this_check_counts(hub: Hub, other: dict[str, Any]) -> None:
    hub.runs(HEAD, other)
    assert hub.seen(FILE) == []


@pytest.mark.parametrize("path", ["/commits", f"/commits/{MINE}/pulls", f"/commits/{HEAD}/check-runs"])
def test_who_may_not_look_fails_and_names_the_permission(hub: Hub, path: str) -> None:
    hub.github.faults.append(Fault("GET", path, 403, INACCESSIBLE))
    with pytest.raises(ForgeError, match="read the plans of merged pull requests") as raised:
        hub.seen(FILE)
    assert "checks: read" in raised.value.hint


@pytest.mark.slow
def test_so_many_files_are_traced_and_no_more(hub: Hub) -> None:
    hub.github.canned[f"/commits/{MINE}/pulls"] = []
    with pytest.raises(ForgeError, match="more than 100 files"):
        hub.seen(*(ShownFile(f"migrations/{number}.sql", "") for number in range(101)))


MANY = tuple(ShownFile(f"migrations/{number}.sql", "") for number in range(2 * MOST + 1))


def imported(*parts: int) -> list[dict[str, Any]]:
    """The check runs of a plan of MANY files, of which some parts are there."""
    texts = shown_texts(MANY)
    names = {1: "ctgitops / plan", 2: "ctgitops / plan, files 2 of 3", 3: "ctgitops / plan, files 3 of 3"}
    return [run(name=names[part], text=texts[part - 1]) for part in parts]


def test_every_file_of_a_large_import_was_seen(hub: Hub) -> None:
    hub.runs(HEAD, *imported(1, 2, 3))
    assert hub.seen(*MANY) == list(MANY)
    assert [path for _, path in hub.github.log].count("/commits") == 1


@pytest.mark.slow
def test_a_part_of_a_record_that_is_missing_is_said(hub: Hub) -> None:
    hub.runs(HEAD, *imported(1, 3))
    with pytest.raises(ForgeError, match="a part of the record of pull request 42 is missing"):
        hub.seen(*MANY)
    (text,) = [part["output"]["text"] for part in imported(1)]
    there = next(file for file in MANY if file.digest in text)
    assert hub.seen(there) == [there]


def test_a_record_that_an_earlier_version_cut_is_not_taken_for_the_whole(hub: Hub) -> None:
    cut = json.dumps({"ctgitops-shown": 1, "files": [file.digest for file in MANY[:MOST]]}, separators=(",", ":"))
    hub.runs(HEAD, run(text=cut))
    assert hub.seen(MANY[0]) == [MANY[0]]
    with pytest.raises(ForgeError, match="is missing"):
        hub.seen(MANY[-1])

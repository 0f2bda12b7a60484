"""Pull requests, commits and shown plans, read from a third-party emulator of GitHub."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from ctgitops.core.forge.event import OutsideRun
from ctgitops.core.forge.forge import CHECK, Check, Conclusion, Reaction
from ctgitops.core.gate.review import ShownFile, shown_texts
from ctgitops.errors import ForgeError

from .live import Live, numbers

pytestmark = pytest.mark.github


def put(live: Live, branch: str, path: str, text: str) -> str:
    """Commits a file to a branch; its commit."""
    content = b64encode(text.encode()).decode()
    sha: str = live.call("PUT", f"/contents/{path}", {"message": path, "content": content, "branch": branch})["commit"][
        "sha"
    ]
    return sha


def head_of(live: Live, pull: Any) -> str:
    sha: str = live.call("GET", f"/pulls/{pull['number']}")["head"]["sha"]
    return sha


def test_the_files_of_a_commit(live: Live) -> None:
    folder = f"db{next(numbers)}"
    sha = put(live, "main", f"{folder}/environments/staging.yaml", "environment: staging\n")
    put(live, "main", f"{folder}/environments/later.yaml", "later")
    forge = live.forge()
    (file,) = forge.tree(sha, f"{folder}/environments")
    assert (file.path, file.plain, file.size) == (f"{folder}/environments/staging.yaml", True, 21)
    assert forge.blob(file.blob) == b"environment: staging\n"
    assert [f.path for f in forge.tree(sha, folder)] == [file.path]
    assert forge.tree(sha, f"{folder}/nowhere") == ()
    with pytest.raises(ForgeError, match="is not a folder"):
        forge.tree(sha, f"{folder}/environments/staging.yaml")
    with pytest.raises(ForgeError, match="list db"):
        forge.tree("f" * 40, folder)


def test_a_pull_request_and_what_it_changes(live: Live) -> None:
    path = f"migrations/{next(numbers)}_ours.sql"
    pull = live.pull_request(path)
    forge = live.forge()
    found = forge.proposal(pull["number"])
    assert (found.number, found.merged, found.head_sha) == (pull["number"], False, head_of(live, pull))
    assert path in found.paths
    head = pull["head"]
    run = OutsideRun(found.head_sha, head["ref"], head["repo"]["owner"]["login"], head["repo"]["id"])
    assert forge.proposed_by(run) == pull["number"]
    for other in (
        OutsideRun("f" * 40, run.head_branch, run.head_owner, run.head_repository),
        OutsideRun(run.head_sha, run.head_branch, run.head_owner, run.head_repository + 1),
    ):
        assert forge.proposed_by(other) is None


def test_who_may_write_and_a_mark_on_a_comment(live: Live) -> None:
    forge = live.forge()
    assert forge.permission_of("octocat") == "admin"
    number = live.pull_request()["number"]
    comment = live.call("POST", f"/issues/{number}/comments", {"body": "/ctgitops plan"})["id"]
    for reaction in Reaction:
        forge.react(number, comment, reaction)
    assert [status for call, status in live.calls() if call.endswith("/reactions")] == [201] * len(Reaction)


def test_what_a_merged_pull_request_showed_was_seen(live: Live) -> None:
    path = f"migrations/{next(numbers)}_ours.sql"
    pull = live.pull_request(path)
    shown, edited = ShownFile(path, "sha256:aa"), ShownFile(path, "sha256:ab")
    direct = ShownFile(f"migrations/{next(numbers)}_direct.sql", "sha256:aa")
    text = shown_texts([shown])
    live.forge().check(Check(CHECK, head_of(live, pull), Conclusion.SUCCESS, "Sound", "page", texts=text))
    put(live, "main", direct.path, "select 1;")
    tip = live.call("PUT", f"/pulls/{pull['number']}/merge", {})["sha"]
    assert live.forge().seen((shown,), tip) == {shown.digest}
    assert edited.digest not in live.forge().seen((edited,), tip)
    assert live.forge().seen((direct,), tip) == frozenset()

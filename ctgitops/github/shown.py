"""Reads which files the plans of merged pull requests showed, from check runs, which only GitHub Apps can write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..core.forge.forge import CHECK
from ..core.gate.review import ShownFile, shown_in
from ..errors import ForgeError
from .lookups import merged_with

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

    from .client import Client

MOST = 100
"""So many files are traced to their pull requests; each costs two or three requests of a thousand an hour."""


def seen(client: Client, files: tuple[ShownFile, ...], at: str) -> frozenset[str]:
    """The digests that plans of merged pull requests showed, as far as these files need them."""
    found: set[str] = set()
    asked: set[int] = set()
    traced = 0
    for file in files:
        if file.digest in found:
            continue
        if traced == MOST:
            what = f"more than {MOST} files were in no plan of the last pull requests, and no more are looked for"
            raise ForgeError(what, hint="bring the environment forward in smaller parts, with the input `to`")
        traced += 1
        for pull in _brought_by(client, file.path, at):
            if pull.number not in asked:
                asked.add(pull.number)
                found.update(_shown(client, pull))
    return frozenset(found)


def _brought_by(client: Client, path: str, at: str) -> Iterable[PullRequest]:
    """The merged pull requests with the commit that last changed a file."""
    for commit in client.repository.get_commits(sha=at, path=path):
        return merged_with(client, commit.sha)
    return ()


def _shown(client: Client, pull: PullRequest) -> Iterator[str]:
    """On its head; and where a merge queue merged it, on the group's commit, which became that of the branch."""
    for sha in dict.fromkeys((pull.head.sha, pull.merge_commit_sha)):
        if sha:
            for run in client.repository.get_commit(sha).get_check_runs(check_name=CHECK, filter="all"):
                if run.name == CHECK:
                    yield from shown_in(run.output.text or "")

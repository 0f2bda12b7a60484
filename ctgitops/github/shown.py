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
"""Maximum number of files traced to their pull requests; each costs two or three of 1,000 requests an hour."""


def seen(client: Client, files: tuple[ShownFile, ...], at: str) -> frozenset[str]:
    """The digests of files in plans of merged pull requests, read until every given file is found or none are left."""
    found: set[str] = set()
    asked: set[int] = set()
    traced = 0
    for file in files:
        if file.digest in found:
            continue
        if traced == MOST:
            what = f"more than {MOST} files have to be searched for in the plans of merged pull requests"
            raise ForgeError(what, hint="apply fewer migrations at once, with the input `to`")
        traced += 1
        for pull in _brought_by(client, file.path, at):
            if pull.number not in asked:
                asked.add(pull.number)
                found.update(_shown(client, pull))
    return frozenset(found)


def _brought_by(client: Client, path: str, at: str) -> Iterable[PullRequest]:
    """The merged pull requests that contain the commit that last changed a file."""
    for commit in client.repository.get_commits(sha=at, path=path):
        return merged_with(client, commit.sha)
    return ()


def _shown(client: Client, pull: PullRequest) -> Iterator[str]:
    """The digests in the check runs of a pull request: on its head, and on the commit that a merge queue created."""
    for sha in dict.fromkeys((pull.head.sha, pull.merge_commit_sha)):
        if sha:
            for run in client.repository.get_commit(sha).get_check_runs(check_name=CHECK, filter="all"):
                if run.name == CHECK:
                    yield from shown_in(run.output.text or "")

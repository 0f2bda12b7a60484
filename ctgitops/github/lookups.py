"""Queries GitHub for commits, tags and pull requests, and for the files in plans of merged pull requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ..core.forge.forge import ChangedFile, OpenPullRequest, name_in, part_name
from ..core.gate.review import ShownFile, ShownPart, missing_parts, shown_in
from ..errors import ForgeError

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

    from .client import Client

MOST_OPEN = 40
"""Maximum number of open pull requests to read, the most recently updated first.

Each of them needs one of the 1,000 requests per hour.
"""
DEEPEST = 10
"""Maximum length of a chain of tags that point to tags."""
MOST_COMMITS = 10
"""How many of a file's commits are searched for an earlier pull request. Each commit needs a request."""
_ADDS = ("added", "renamed", "copied")


def pull_request_of(client: Client, sha: str) -> int | None:
    """The pull request that merged a commit into the default branch. None if there is none."""
    merged = merged_with(client, sha)
    merged.sort(key=lambda p: (p.merge_commit_sha != sha, p.number))
    return merged[0].number if merged else None


def merged_with(client: Client, sha: str) -> list[PullRequest]:
    """The pull requests that contain a commit and are merged into the default branch."""
    return [p for p in client.repository.get_commit(sha).get_pulls() if _came_to_default(p)]


def _came_to_default(pull: PullRequest) -> bool:
    return pull.merged_at is not None and pull.base.ref == pull.base.repo.default_branch


def brought(client: Client, paths: tuple[str, ...], at: str, before: int | None = None) -> dict[str, int]:
    """Maps each path to the merged pull request whose commit last changed it. Ignores the pull request `before`."""
    pulls = ((path, _bringer(client, path, at, before)) for path in paths)
    return {path: number for path, number in pulls if number is not None}


def _bringer(client: Client, path: str, at: str, before: int | None) -> int | None:
    commits = client.repository.get_commits(sha=at, path=path)
    for commit in islice(commits, 1 if before is None else MOST_COMMITS):
        if numbers := {pull.number for pull in merged_with(client, commit.sha)} - {before}:
            return min(numbers)
    return None


def is_on(client: Client, branch: str, sha: str) -> bool:
    """Whether a branch contains a commit. Reads the branch's tip first, because a tag may have the same name."""
    tip = client.repository.get_branch(branch).commit.sha
    return tip == sha or contains(client, tip, sha)


def contains(client: Client, newer: str, older: str) -> bool:
    """Whether the commit `newer` is `older` itself, or a descendant of `older`."""
    return client.repository.compare(older, newer).status in ("ahead", "identical")


def commit_of_tag(client: Client, tag: str) -> str:
    """The commit to which a tag points. Follows tags that point to tags."""
    named = client.repository.get_git_ref(f"tags/{tag}").object
    for _ in range(DEEPEST):
        if named.type == "commit":
            return named.sha
        if named.type != "tag":
            break
        named = client.repository.get_git_tag(named.sha).object
    raise ForgeError(f"the tag {tag} points to a {named.type}, not to a commit", hint="tag a commit")


def files_of(client: Client, number: int) -> tuple[ChangedFile, ...]:
    """The files that a pull request adds, changes, moves or removes."""
    return _files(client.repository.get_pull(number))


def other_open(client: Client, than: int, folder: str) -> tuple[OpenPullRequest, ...]:
    """The open pull requests that add files to a folder, sorted by number."""
    pulls = client.repository.get_pulls(state="open", sort="updated", direction="desc")
    others = islice((p for p in pulls if p.number != than), MOST_OPEN)
    found = (OpenPullRequest(p.number, _added(p, folder)) for p in others)
    return tuple(sorted((p for p in found if p.files), key=lambda p: p.number))


def _added(pull: PullRequest, folder: str) -> tuple[ChangedFile, ...]:
    return tuple(file for file in _files(pull) if file.added and file.path.startswith(f"{folder}/"))


def _files(pull: PullRequest) -> tuple[ChangedFile, ...]:
    """The paths of the changed files, and the previous paths of renamed files."""
    files = list(pull.get_files())
    moved = (ChangedFile(f.previous_filename, added=False) for f in files if f.previous_filename)
    return (*(ChangedFile(f.filename, f.status in _ADDS, f.patch or "") for f in files), *moved)


def approvers(client: Client, number: int) -> tuple[str, ...]:
    """The users whose last review approved the pull request. A review with only a comment does not count."""
    last: dict[str, str] = {}
    for review in client.repository.get_pull(number).get_reviews():
        if review.state != "COMMENTED":
            last[getattr(review.user, "login", "")] = review.state
    return tuple(login for login, state in last.items() if login and state == "APPROVED")


MOST = 100
"""Maximum number of files whose pull request is searched. Each needs two or three of the 1,000 requests per hour."""


def seen(client: Client, files: tuple[ShownFile, ...], at: str) -> frozenset[str]:
    """The digests of files in the plans of merged pull requests. Stops once it has found all of `files`."""
    found: set[str] = set()
    incomplete: list[int] = []
    asked: set[int] = set()
    traced = 0
    for file in files:
        if file.digest in found:
            continue
        if traced == MOST and incomplete:
            break
        if traced == MOST:
            what = f"more than {MOST} files would have to be searched in the plans of merged pull requests"
            raise ForgeError(what, hint="apply fewer migrations at once, with the input `to`")
        traced += 1
        for pull in _brought_by(client, file.path, at):
            if pull.number not in asked:
                asked.add(pull.number)
                parts = _shown(client, pull)
                found |= {digest for part in parts for digest in part.digests}
                incomplete += [pull.number] if missing_parts(parts) else []
    if incomplete and any(file.digest not in found for file in files):
        what = f"a part of the record of pull request {incomplete[0]} is missing: its plan showed more files"
        raise ForgeError(what, hint="open a pull request that changes the files that wait, and merge it")
    return frozenset(found)


def _brought_by(client: Client, path: str, at: str) -> Iterable[PullRequest]:
    """The merged pull requests that contain the last commit to a file."""
    for commit in client.repository.get_commits(sha=at, path=path):
        return merged_with(client, commit.sha)
    return ()


MOST_PARTS = 1_000


def _shown(client: Client, pull: PullRequest) -> list[ShownPart]:
    """The records of files in a pull request's check runs, on its head commit and on the merge queue's commit."""
    found: list[ShownPart] = []
    for sha in filter(None, dict.fromkeys((pull.head.sha, pull.merge_commit_sha))):
        first = list(_parts(client, sha, part_name(1, 1)))
        lengths = {part.parts for part in first if 1 < part.parts <= MOST_PARTS}
        names = [part_name(number, parts) for parts in lengths for number in range(2, parts + 1)]
        found += [*first, *(part for name in names for part in _parts(client, sha, name))]
    return found


def _parts(client: Client, sha: str, name: str) -> Iterator[ShownPart]:
    named = name_in(client.workspace, name)
    for run in client.repository.get_commit(sha).get_check_runs(check_name=named, filter="all"):
        if run.name == named and (part := shown_in(run.output.text or "")):
            yield part

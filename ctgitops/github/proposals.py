"""Reads pull requests, and the files of commits, through GitHub's API. Needs no checkout."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from ..core.forge.event import OutsideRun
from ..core.forge.forge import Proposal, TreeFile
from ..errors import ForgeError

if TYPE_CHECKING:
    from github.GitTree import GitTree

    from .client import Client

_PLAIN = ("100644", "100755")


def tree(client: Client, sha: str, folder: str) -> tuple[TreeFile, ...]:
    """All files of a commit below a folder, with their paths in the repository."""
    at = _tree(client, sha)
    parts = [part for part in folder.split("/") if part not in {"", "."}]
    for part in parts:
        inside = next((e for e in at.tree if e.path == part), None)
        if inside is None:
            return ()
        if inside.type != "tree":
            raise ForgeError(f"`{folder}` of {sha[:7]} is not a folder", hint="replace it with a folder")
        at = _tree(client, inside.sha)
    if any(e.type == "tree" for e in at.tree):
        at = _tree(client, at.sha, recursive=True)
    files = (e for e in at.tree if e.type != "tree")
    return tuple(TreeFile("/".join([*parts, e.path]), e.sha, e.size or 0, e.mode in _PLAIN) for e in files)


def _tree(client: Client, sha: str, *, recursive: bool = False) -> GitTree:
    found = client.repository.get_git_tree(sha, recursive=recursive)
    if found.raw_data.get("truncated"):
        raise ForgeError(
            f"{sha[:7]} has more files than GitHub lists", hint="move files that are not migrations to another folder"
        )
    return found


def blob(client: Client, sha: str) -> bytes:
    """The content of a blob."""
    found = client.repository.get_git_blob(sha)
    return b64decode(found.content) if found.encoding == "base64" else found.content.encode()


def proposal(client: Client, number: int) -> Proposal:
    """A pull request and the paths that it changes. Raises ForgeError if its head changes between the two requests."""
    pull = client.repository.get_pull(number)
    head, count = pull.head.sha, pull.changed_files
    files = list(pull.get_files())
    if len(files) < count:
        what = f"pull request {number} changes {count} files, but GitHub lists only {len(files)} of them"
        raise ForgeError(what, hint="split the pull request")
    paths = {path for f in files for path in (f.filename, f.previous_filename) if path}
    if client.repository.get_pull(number).head.sha != head:
        what = f"pull request {number} got a new commit while it was read"
        raise ForgeError(what, hint="another run plans the new commit")
    return Proposal(number, head, bool(pull.merged_at), frozenset(paths), pull.state == "closed", pull.base.ref)


def proposed_by(client: Client, run: OutsideRun) -> int | None:
    """The pull request of a run, found by the run's head commit and head repository. None if there is none.

    GitHub does not report the pull request for a run from a fork, and its branch may have newer commits.
    """
    pulls = client.repository.get_pulls(state="open", head=f"{run.head_owner}:{run.head_branch}")
    for pull in pulls:
        repository = pull.raw_data["head"].get("repo") or {}  # the fork was deleted
        if (pull.head.sha, repository.get("id")) == (run.head_sha, run.head_repository):
            return pull.number
    return None

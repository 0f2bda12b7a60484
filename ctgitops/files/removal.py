"""Finds removed migration files with git, and the commits that removed them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

from ..core.migration.migration_name import FileKind, parse_migration_name, split_name
from ..core.workspace.removal import Removal, Removals
from ..errors import CtgitopsError
from .git import base_name, commit_of, fork_of, in_repository
from .git_command import DEEPER, Git
from .migrations import FOLDER

_SIMILAR = 0.5
"""The minimum share of common lines for a rename, as in git."""
_WHOLE = (
    "`git config --unset remote.origin.partialclonefilter && git fetch --refetch origin` fetches the complete history"
)
_FORMAT = "--format=%H%x09%an%x09%cs"
_COMMIT = re.compile(r"([0-9a-f]{40,64})\t(.*)\t([0-9-]{10})")


def removals(root: Path) -> Removals:
    """The migrations that are in the base branch or its history and not in the working tree. Read-only."""
    if not in_repository(root):
        return Removals()
    git = Git(root, "which files were removed")
    try:
        head = commit_of(git, "HEAD")
        if not head:
            return Removals()
        base = base_name(git) or "HEAD"
        fork = fork_of(git, base)
        here = tuple(_removed_here(git, base, fork))
        known = {removal.name for removal in here}
        if _without_trees(git):
            return Removals(here, "this partial clone lacks the trees of earlier commits", _WHOLE)
        before = (each for each in _removed_before(git, fork) if each.name not in known)
        return Removals((*here, *before), *(_shallow(git) if fork == head else ("", "")))
    except CtgitopsError as error:
        return Removals(unknown=error.what, hint=error.hint)


def _without_trees(git: Git) -> bool:
    """Whether git would have to fetch a tree for each commit of the history, as in a clone with a `tree:` filter."""
    return " tree:" in (git.text_or_none("config", "--get-regexp", r"^remote\..*\.partialclonefilter$") or "")


def _shallow(git: Git) -> tuple[str, str]:
    """Why removals are unknown in a shallow clone without another branch, and the command that deepens the clone."""
    if git.text("rev-parse", "--is-shallow-repository").strip() == "true":
        return "this clone is shallow", DEEPER
    return "", ""


def _removed_here(git: Git, base: str, fork: str) -> Iterator[Removal]:
    arguments = (
        "--name-only",
        "-z",
        "--diff-filter=D",
        "--no-renames",
        "--no-ext-diff",
        "--relative",
        fork,
        "--",
        f"{FOLDER}/",
    )
    for path in git.text("diff", *arguments).split("\0"):
        name = _name(path)
        if name and not _renamed(git, fork, path, name):
            said = git.text("log", "-1", "--no-renames", "--diff-filter=D", _FORMAT, f"{fork}..HEAD", "--", path)
            yield Removal(name, fork[:12], base, _commit_text(said.strip()))


def _renamed(git: Git, fork: str, path: str, name: str) -> bool:
    """Whether a file, tracked or not, has the same number and similar text. The name in its header may differ."""
    same = [p for p in (git.root / FOLDER).glob(f"{split_name(name).digits}_*.sql") if _migration(p.name)]
    if not same:
        return False
    before = git.text("cat-file", "blob", f"{fork}:./{path}").splitlines()
    texts = (p.read_text(encoding="utf-8", errors="replace").splitlines() for p in same)
    return any(SequenceMatcher(None, before, text, autojunk=False).ratio() >= _SIMILAR for text in texts)


def _removed_before(git: Git, fork: str) -> Iterator[Removal]:
    arguments = ("--no-renames", "--diff-filter=D", _FORMAT, "--name-only", "--relative", fork, "--", f"{FOLDER}/")
    commit, seen = "", set()
    for line in filter(None, git.text("log", *arguments).splitlines()):
        if _COMMIT.fullmatch(line):
            commit = line
            continue
        name = _name(line)
        if name and name not in seen and not (git.root / line).exists():
            seen.add(name)
            yield Removal(name, f"{commit[:12]}^", by=_commit_text(commit))


def _name(path: str) -> str:
    folder, _, file = path.rpartition("/")
    return _migration(file) if folder == FOLDER else ""


def _migration(file: str) -> str:
    """The name of the migration whose SQL the file contains. Empty for rollbacks, verify queries and other files."""
    found = parse_migration_name(file)
    return found.name if found and found.kind is FileKind.UP else ""


def _commit_text(said: str) -> str:
    match = _COMMIT.fullmatch(said)
    return f"{match[1][:12]} ({match[2]}, {match[3]})" if match else ""

"""Finds removed migration files and the commits that removed them, with git."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.workspace.removal import Removal, Removals
from ..errors import CtgitopsError
from ..lazy import regex
from .git import base_name, commit_of, fork_of, in_repository
from .git_command import DEEPER, Git
from .layout_reader import migrations_among
from .policy import layout_of

if TYPE_CHECKING:
    from ..core.environment.layout import Layout

_SIMILAR = 0.5
"""The minimum share of common lines at which a file counts as renamed, as in git."""
_WHOLE = (
    "`git config --unset remote.origin.partialclonefilter && git fetch --refetch origin` fetches the complete history"
)
_FORMAT = "--format=%H%x09%an%x09%cs"
_COMMIT = regex(r"([0-9a-f]{40,64})\t(.*)\t([0-9-]{10})")


def removals(root: Path) -> Removals:
    """The migrations in the base branch or its history that are not in the working tree. Read-only."""
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
    layout = layout_of(git.root)
    arguments = (
        "--name-only",
        "-z",
        "--diff-filter=D",
        "--no-renames",
        "--no-ext-diff",
        "--relative",
        fork,
        "--",
        f"{layout.folder}/",
    )
    here = migrations_among(layout, _sql_files(git.root, layout))
    for path, name in migrations_among(layout, git.text("diff", *arguments).split("\0")).items():
        same = [git.root / other for other, each in here.items() if each.digits == name.digits]
        if not _renamed(git, fork, path, same):
            said = git.text("log", "-1", "--no-renames", "--diff-filter=D", _FORMAT, f"{fork}..HEAD", "--", path)
            yield Removal(name.name, fork[:12], base, _commit_text(said.strip()))


def _sql_files(root: Path, layout: Layout) -> Iterator[str]:
    return (path.relative_to(root).as_posix() for path in (root / layout.folder).rglob("*.sql"))


def _renamed(git: Git, fork: str, path: str, same: list[Path]) -> bool:
    """Whether one of the files with the same number has similar text. The name in its header may differ."""
    if not same:
        return False
    before = git.text("cat-file", "blob", f"{fork}:./{path}").splitlines()
    texts = (p.read_text(encoding="utf-8", errors="replace").splitlines() for p in same)
    return any(SequenceMatcher(None, before, text, autojunk=False).ratio() >= _SIMILAR for text in texts)


def _removed_before(git: Git, fork: str) -> Iterator[Removal]:
    layout = layout_of(git.root)
    only = f"{layout.folder}/"
    arguments = ("--no-renames", "--diff-filter=D", _FORMAT, "--name-only", "--relative", fork, "--", only)
    commit, seen = "", set()
    lines = list(filter(None, git.text("log", *arguments).splitlines()))
    names = migrations_among(layout, lines)
    for line in lines:
        if _COMMIT.fullmatch(line):
            commit = line
            continue
        name = names.get(line)
        if name and name.name not in seen and not (git.root / line).exists():
            seen.add(name.name)
            yield Removal(name.name, f"{commit[:12]}^", by=_commit_text(commit))


def _commit_text(said: str) -> str:
    match = _COMMIT.fullmatch(said)
    return f"{match[1][:12]} ({match[2]}, {match[3]})" if match else ""

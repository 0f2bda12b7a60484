"""Reads branches and history from git. Does not run any program that the checkout's git configuration names."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.migration.schema_version import SchemaVersion
from ..core.workspace.numbering import BaseBranch, Seniority
from ..errors import CtgitopsError, UsageError
from ..lazy import regex
from .git_command import DEEPER, Git
from .layout_reader import migrations_among
from .policy import layout_of

if TYPE_CHECKING:
    from ..core.migration.migration import Migration

_USUAL = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
_VERSION = regex(r"--\s*Version\s*:\s*(\S+)\s*")
_COMMIT = regex(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_WITHOUT_BASE = {
    "--changed": "`ctgitops check` without `--changed` and `--fix` lints every file",
    "--base": "rename the files to the next free number of the branch to merge into",
}


def base_of(root: Path, name: str | None = None, option: str = "--base") -> BaseBranch | None:
    """The migrations of the branch `name`, or else of the first default branch that exists.

    None if no branch exists. None outside a repository, unless `name` is given. Raises WorkspaceError if git fails.
    """
    if name is None and not in_repository(root):
        return None
    git = Git(root, f"what {name or 'the base branch'} has", _WITHOUT_BASE.get(option, ""))
    branch = base_name(git, name)
    return _read(git, branch, versions=option == "--base") if branch else None


def base_name(git: Git, name: str | None = None) -> str:
    """The branch `name` if it is given, else the first default branch that exists. Empty if no branch exists."""
    return next((branch for branch in ((name,) if name else _USUAL) if commit_of(git, branch)), "")


def required_base(root: Path, name: str | None, option: str) -> BaseBranch:
    """Like `base_of`, but raises UsageError with the next command if no branch exists. Raises WorkspaceError."""
    base = base_of(root, name, option)
    if base is not None:
        return base
    git = Git(root, f"whether there is a branch {name or 'main'}")
    if name is None and not in_repository(root):
        raise git.failure("not a git repository")
    what = f"git has no branch, tag or commit `{name}`" if name else f"git has none of {', '.join(_USUAL)}"
    known = _near(git, name) if name else []
    hint = f"did you mean `{option} {known[0]}`?" if known else _fetched(git, name, option)
    raise UsageError(what, hint=hint)


def changed_since(root: Path, base: BaseBranch) -> frozenset[str]:
    """The files below the root that differ from the point where this branch began, by path relative to the root.

    Raises WorkspaceError if git fails.
    """
    git = Git(root, f"what this branch changed since {base.name}", _WITHOUT_BASE["--changed"])
    fork = fork_of(git, base.name)
    changed = git.text("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--relative", fork, "--")
    new = git.text("ls-files", "-z", "--others", "--exclude-standard")
    return frozenset(filter(None, (changed + new).split("\0")))


def merged_files(root: Path) -> frozenset[str]:
    """The files on the remote's default branch that this branch has not changed. Empty if git cannot list them."""
    if not in_repository(root):
        return frozenset()
    try:
        base = base_name(Git(root, "which files are merged"))
        changed = changed_since(root, BaseBranch(base)) if base.startswith("origin/") else None
    except CtgitopsError:
        return frozenset()
    return frozenset() if changed is None else frozenset(tracked(root) or ()) - changed


def fork_of(git: Git, base: str) -> str:
    """The merge base of HEAD and the base branch, or the base branch itself if the two have no common history."""
    if not commit_of(git, "HEAD"):
        return base
    fork = git.text_or_none("merge-base", "--end-of-options", base, "HEAD")
    if fork is None and git.text("rev-parse", "--is-shallow-repository").strip() == "true":
        raise git.failure(f"this clone is shallow, and {base} and HEAD have no common commit in it")
    return (fork or base).strip()


def commit_of(git: Git, name: str) -> str:
    """The commit to which a name resolves. Empty if the name does not resolve."""
    found = git.text_or_none("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return (found or "").strip()


def seniority_of(root: Path, contested: tuple[Migration, ...]) -> Seniority:
    """The contested migrations that are on the base branch, with the commit time of each. Raises no error.

    The result decides which of two files a problem names. If git fails, the result is unknown, and the problem says so.
    """
    if not in_repository(root):
        return Seniority()
    git = Git(root, "which file is older")
    paths = [m.path for m in contested]
    try:
        base = base_of(root)
        log = ("log", "--no-renames", "--diff-filter=A", "--format=%ct", "--name-only", "--relative", "HEAD", "--")
        printed = git.text(*log, *paths) if commit_of(git, "HEAD") else ""
    except CtgitopsError as error:
        return Seniority(unknown=error.what)
    added: dict[str, int] = {}
    moment = 0
    for line in filter(None, printed.splitlines()):
        if line.isdecimal():
            moment = int(line)
        else:
            added.setdefault(line, moment)
    return Seniority(base or BaseBranch(""), {m.name: added[m.path] for m in contested if m.path in added})


def head_of(root: Path) -> str:
    """The checked-out commit. Empty before the first commit. Raises WorkspaceError if the commit cannot be read."""
    git = Git(root, "which commit is checked out")
    try:
        return commit_of(git, "HEAD")
    except CtgitopsError:
        if found := _head_file(top_of(root)):
            return found  # the Action's image does not contain git
        raise


def in_repository(root: Path) -> bool:
    """Whether a folder is in a git working tree. Looks only at files, because git may be missing or broken."""
    return bool(os.environ.get("GIT_DIR")) or any((p / ".git").exists() for p in _upwards(root))


def top_of(root: Path) -> Path:
    """The top folder of the repository, or the folder itself outside a repository. Does not run git."""
    return next((p for p in _upwards(root) if (p / ".git").exists()), root)


def tracked(root: Path) -> tuple[str, ...] | None:
    """The files that git tracks below a folder, by path relative to the folder. None if git cannot list them."""
    if not in_repository(root):
        return None
    try:
        listed = Git(root, "which files it tracks").text("ls-files", "-z")
    except CtgitopsError:
        return None
    return tuple(filter(None, listed.split("\0"))) or None


def _upwards(root: Path) -> tuple[Path, ...]:
    here = root.resolve()
    return (here, *here.parents)


def _head_file(top: Path) -> str:
    """The commit of HEAD, from the files in .git. Empty if this fails, and in a linked worktree."""
    folder = top / ".git"
    try:
        said = (folder / "HEAD").read_text().strip()
        if not said.startswith("ref: "):
            return said if _COMMIT.fullmatch(said) else ""
        ref = said.removeprefix("ref: ")
        if ".." not in ref and (folder / ref).is_file():
            said = (folder / ref).read_text().strip()
            return said if _COMMIT.fullmatch(said) else ""
        packed = (line.split(" ", 1) for line in (folder / "packed-refs").read_text().splitlines() if " " in line)
        return next((commit for commit, name in packed if name == ref and _COMMIT.fullmatch(commit)), "")
    except (OSError, UnicodeDecodeError):
        return ""


def _near(git: Git, name: str) -> list[str]:
    """Branches whose last path component is the same as that of `name`."""
    listed = git.text("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes").splitlines()
    last = name.rsplit("/", 1)[-1]
    return [ref for ref in listed if ref != name and ref.rsplit("/", 1)[-1] == last]


def _fetched(git: Git, name: str | None, option: str) -> str:
    remotes = git.text("remote").split()
    if not remotes:
        known = git.text("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags").split()
        listed = ", ".join(known[:10]) or "no branch yet"
        return f"git has: {listed}; name one of them with `{option}`"
    if git.text("rev-parse", "--is-shallow-repository").strip() == "true":
        return f"this clone is shallow: {DEEPER}"
    branch = (name or "main").removeprefix(f"{remotes[0]}/")
    fetch = f"git fetch {remotes[0]} '+refs/heads/*:refs/remotes/{remotes[0]}/*'"
    return f"`{fetch}` fetches all branches; then `{option} {remotes[0]}/{branch}`"


def _read(git: Git, branch: str, *, versions: bool) -> BaseBranch:
    """Reads a branch's migrations.

    With `versions`, also reads the text of the files, which a partial clone must fetch.
    """
    layout = layout_of(git.root)
    listed = git.text("ls-tree", "-r", "-z", "--name-only", branch, f"{layout.folder}/")
    files = migrations_among(layout, listed.split("\0")).values()
    plain = ("--no-color", "--no-line-number", "--no-column")  # overrides `grep.*` in the configuration of git
    words = ("-h", "-E", "^--[[:space:]]*Version[[:space:]]*:", branch, "--", f"{layout.folder}/")
    said = (git.text_or_none("grep", *plain, *words) if versions else None) or ""
    found = (SchemaVersion.parse(m[1]) for line in said.splitlines() if (m := _VERSION.fullmatch(line)))
    return BaseBranch(
        name=branch,
        numbers=frozenset(name.number for name in files),
        names=frozenset(name.name for name in files),
        versions=tuple(version for version in found if version),
    )


def default_branch(root: Path) -> str:
    """The default branch of the remote, else the first usual branch, else the current one. `main` without any."""
    if not in_repository(root):
        return "main"
    git = Git(root, "its default branch")
    try:
        remote = (git.text_or_none("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD") or "").strip()
        known = remote or base_name(git)
        return known.removeprefix("origin/") or (git.text_or_none("symbolic-ref", "--short", "HEAD") or "main").strip()
    except CtgitopsError:
        return "main"


def github_repository(root: Path, server: str = "https://github.com") -> str:
    """`owner/name` of the remote `origin` on a GitHub server. Empty without such a remote, or if git fails."""
    if not in_repository(root):
        return ""
    try:
        url = Git(root, "its remotes").text_or_none("remote", "get-url", "origin") or ""
    except CtgitopsError:
        return ""
    host = re.escape(server.partition("://")[2].rstrip("/"))
    found = re.search(rf"{host}[:/]([^/\s]+/[^/\s]+?)(?:\.git)?/?$", url.strip())
    return found[1] if found else ""

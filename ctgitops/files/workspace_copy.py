"""Copies a workspace to a temporary folder, and adds files of another commit to the copy."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..core.workspace.workspace import Workspace
from ..errors import UsageError
from .git import base_name
from .git_command import Git
from .layout_reader import in_layout
from .manifest import FOLDER as MANIFESTS
from .manifest import read_environments
from .policy import layout_of
from .repository import Repository

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.environment.layout import Layout

DEEPEST = 5
_IGNORED = shutil.ignore_patterns(".git", "node_modules")


def is_migration_file(path: str, layout: Layout) -> bool:
    """Whether a path in a workspace is a migration, a seed file, or a file that orders the migrations of a layout."""
    parts = PurePosixPath(path).parts
    proper = path == "/".join(parts) and path.isprintable() and "\\" not in path
    if not proper or len(parts) < 2 or any(part.startswith(".") for part in parts):
        return False
    if path.startswith(layout.prefix):
        return in_layout(layout, path.removeprefix(layout.prefix))
    return parts[0] == "seeds" and path.endswith(".sql") and len(parts) <= DEEPEST


def blob_of(content: bytes) -> str:
    """The SHA that git gives to the content of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@contextmanager
def overlaid(root: Path, files: Mapping[str, bytes | None]) -> Iterator[Path]:
    """A temporary copy of a workspace, with `files` added or replaced. A value of None removes a file.

    Deletes the copy at the end of the block.
    """
    with tempfile.TemporaryDirectory(prefix="ctgitops-") as made:
        into = Path(made) / "workspace"
        layout = layout_of(root)
        (into / layout.folder).mkdir(parents=True, exist_ok=True)  # the checkout may lack this folder at first
        for folder in (*layout.folders, MANIFESTS):
            if (root / folder).is_dir():
                shutil.copytree(root / folder, into / folder, symlinks=True, dirs_exist_ok=True, ignore=_IGNORED)
        for path, content in files.items():
            if is_migration_file(path, layout):
                _put(into, path, content)
        yield into


def _put(into: Path, path: str, content: bytes | None) -> None:
    # Removes a symbolic link in this path of the checkout, so that writing never follows the link
    file = into / path
    for folder in reversed(file.relative_to(into).parents):
        if (into / folder).is_symlink():
            (into / folder).unlink()
    if file.is_symlink() or file.exists():
        file.unlink()
    if content is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def default_branch_of(root: Path) -> tuple[str, Workspace]:
    """The name of the default branch, and a workspace with its manifests and problems but without migrations.

    Raises UsageError if git cannot determine the default branch, and WorkspaceError if git fails.
    """
    git = Git(root, "which manifests the default branch has")
    branch = base_name(git)
    if not branch:
        hint = "run `git fetch` without `--depth`, then `git remote set-head origin --auto`"
        raise UsageError("git does not know the default branch", state="nothing was changed", hint=hint)
    with tempfile.TemporaryDirectory(prefix="ctgitops-") as made:
        # Creates folders without files, because a manifest refers to folders of seed files
        for folder in _listed(git, "-rd", branch):
            (Path(made) / folder).mkdir(parents=True, exist_ok=True)
        for path in _listed(git, "-r", branch, f"{MANIFESTS}/"):
            (Path(made) / path).write_text(git.text("cat-file", "blob", f"{branch}:./{path}"), encoding="utf-8")
        environments, problems = read_environments(Repository(Path(made)))
    return branch, Workspace((), environments, read_problems=problems)


def _listed(git: Git, *arguments: str) -> list[str]:
    """The paths that `git ls-tree` lists, relative to the root of the workspace."""
    return [path for path in git.text("ls-tree", "-z", "--name-only", *arguments).split("\0") if path]


def environments_in(files: Mapping[str, bytes]) -> tuple[Environment, ...]:
    """The environments in `files`, which maps file names to manifests. Leaves out invalid manifests."""
    with tempfile.TemporaryDirectory(prefix="ctgitops-") as made:
        folder = Path(made) / MANIFESTS
        folder.mkdir()
        for name, content in files.items():
            if "/" not in name and name.isprintable() and not name.startswith("."):
                (folder / name).write_bytes(content)
        return read_environments(Repository(Path(made)))[0]

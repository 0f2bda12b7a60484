"""Keeps backups, which hold real rows, out of git."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ..errors import CtgitopsError, UsageError
from .git import in_repository
from .git_command import Git

NAME = ".gitignore"
_BACKUPS = "backups"
_COMMENT = "# backups of ctgitops hold real rows"


def ignore_backups(root: Path, folders: tuple[str, ...]) -> tuple[str, ...]:
    """Adds the folders inside the root that are not ignored yet; returns the added patterns. Writes."""
    wanted = dict.fromkeys(pattern for folder in folders if (pattern := _pattern(folder)))
    path = root / NAME
    before = path.read_bytes() if path.is_file() else b""
    known = {_bare(line) for line in before.decode(errors="replace").splitlines()}
    missing = [p for p in wanted if _bare(p) not in known and not _ignored(root, p)]
    if not missing:
        return ()
    start = b"" if not before or before.endswith(b"\n") else b"\n"
    added = "\n".join((_COMMENT, *missing, ""))
    if path.is_symlink():
        raise UsageError(f"{NAME} is a symbolic link", hint=f"add these lines to a regular file: {' '.join(missing)}")
    try:
        with path.open("ab") as file:
            file.write(start + added.encode())
    except OSError as error:
        raise UsageError(f"{NAME} cannot be written: {error.strerror}", hint="make it writable") from None
    return tuple(missing)


def _pattern(folder: str) -> str:
    """The pattern of a folder named in a manifest; empty for a folder outside of the root."""
    parts = [part for part in PurePosixPath(folder).parts if part != "."]
    if not parts or parts[0] == "/" or ".." in parts or "://" in folder:
        return ""
    return f"/{_BACKUPS}/" if parts[0] == _BACKUPS else f"/{'/'.join(parts)}/"


def _bare(line: str) -> str:
    """The folder of a pattern, without anchors and `!`: a negated pattern counts too, as a person's decision."""
    return line.strip().removeprefix("!").removesuffix("*").strip("/")


def _ignored(root: Path, pattern: str) -> bool:
    """Whether git already ignores files in the folder, by any pattern; False if git cannot tell."""
    if not in_repository(root):
        return False
    try:
        git = Git(root, "what it ignores")
        return git.text_or_none("check-ignore", "-q", f".{pattern}x") is not None
    except CtgitopsError:
        return False

"""Asks git about other branches, without running any program that the checkout configures."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ..core.renumber import BaseBranch
from ..core.version import SchemaVersion
from .migrations import FOLDER

_SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "safe.directory=*")
_USUAL = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
_FILE = re.compile(r"(([0-9]{1,19})_[^.].*?)(?:\.up|\.down|\.verify)?\.sql", re.IGNORECASE)
_VERSION = re.compile(r"--\s*Version\s*:\s*(\S+)\s*")


def base_of(root: Path, name: str | None = None) -> BaseBranch | None:
    """The migrations of a branch, or of the usual ones the first that is there; None where there is none."""
    for branch in (name,) if name else _USUAL:
        if _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{branch}^{{commit}}") is not None:
            return _read(root, branch)
    return None


def changed_since(root: Path, base: BaseBranch) -> frozenset[str]:
    """The files below the root that are not as they were where this branch left the base, by their paths from there."""
    fork = (_git(root, "merge-base", base.name, "HEAD") or base.name).strip()
    changed = _git(root, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--relative", fork, "--") or ""
    new = _git(root, "ls-files", "-z", "--others", "--exclude-standard") or ""
    return frozenset(filter(None, (changed + new).split("\0")))


def head_of(root: Path) -> str:
    """The commit that is checked out; empty where there is none."""
    return (_git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") or "").strip()


def top_of(root: Path) -> Path:
    """The repository that a folder is in; the folder itself where git knows of none."""
    return Path((_git(root, "rev-parse", "--show-toplevel") or str(root)).strip())


def tracked(root: Path) -> tuple[str, ...] | None:
    """The files that git knows below a folder, by their paths from there; None where git does not know it."""
    listed = _git(root, "ls-files", "-z")
    return tuple(filter(None, listed.split("\0"))) if listed else None


def _read(root: Path, branch: str) -> BaseBranch:
    listed = _git(root, "ls-tree", "-z", "--name-only", branch, f"{FOLDER}/") or ""
    files = [m for path in listed.split("\0") if (m := _FILE.fullmatch(path.rsplit("/", 1)[-1]))]
    said = _git(root, "grep", "-h", "-E", "^--[[:space:]]*Version[[:space:]]*:", branch, "--", f"{FOLDER}/") or ""
    found = (SchemaVersion.parse(m[1]) for line in said.splitlines() if (m := _VERSION.fullmatch(line)))
    return BaseBranch(
        name=branch,
        numbers=frozenset(int(m[2]) for m in files),
        names=frozenset(m[1] for m in files),
        versions=tuple(version for version in found if version),
    )


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails or is not there."""
    command = ["git", *_SAFE, "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None

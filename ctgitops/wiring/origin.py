"""The origin of a run: who started it, and for which commit, pull request and workflow run."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..core.gate.request import Origin
from ..errors import CtgitopsError
from ..files.git import head_of, in_repository


def origin_from(environ: Mapping[str, str], root: Path) -> Origin:
    """Reads a run's origin from GitHub's variables. Outside GitHub, uses the user name and the checkout's commit."""
    server, repository, run = (environ.get(f"GITHUB_{k}", "") for k in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    pull_request = re.fullmatch(r"refs/pull/(\d+)/\w+", environ.get("GITHUB_REF", ""))
    return Origin(
        actor=environ.get("GITHUB_ACTOR") or _user(),
        commit_sha=environ.get("GITHUB_SHA") or _commit(root),
        pull_request=int(pull_request[1]) if pull_request else None,
        run_url=f"{server}/{repository}/actions/runs/{run}" if run else "",
        repository_url=f"{server}/{repository}" if server and repository else "",
        disk_is_deleted=environ.get("RUNNER_ENVIRONMENT") == "github-hosted",
        folder=_folder(root, environ.get("GITHUB_WORKSPACE", "")),
    )


def _folder(root: Path, repository: str) -> str:
    """The path of the workspace `root` in its repository."""
    inside = os.path.relpath(root, repository) if repository else "."
    return "" if inside == "." or inside.startswith("..") else f"{inside}/"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _commit(root: Path) -> str:
    """The checkout's commit. Empty if git fails, because a run must also be possible without git."""
    try:
        return head_of(root) if in_repository(root) else ""
    except CtgitopsError:
        return ""

"""Reads the plan that an earlier run published on a pull request, from its check run or else from the comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.forge.forge import CHECK, Published, name_in
from ..errors import ForgeError
from .marker import digest, plan_in, read

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

    from .client import Client


def published(client: Client, number: int, text: str) -> Published:
    """The plan in the pull request's check run, or in `text` of the comment. A part that cannot be read is empty."""
    pull = pull_of(client, number)
    marker, plan = read(text), plan_in(text)
    if pull:
        plan = _chosen(_checked(client, pull.head.sha), plan)
    return Published(plan, marker.memory if marker else "", pull.state == "open" if pull else None)


def pull_of(client: Client, number: int) -> PullRequest | None:
    """The pull request. None if it cannot be read."""

    def read_all() -> PullRequest | None:
        pull = client.repository.get_pull(number)
        return pull if pull.state and pull.head.sha else None

    return client.perhaps(read_all)


def _chosen(checked: list[str], commented: str) -> str:
    """The plan to use. Prefers check runs, because few workflows may write them.

    If there are several check runs, prefers the plan that is also in the comment.
    """
    if any(digest(page) == digest(commented) for page in checked):
        return commented
    return checked[-1] if checked else commented


def _checked(client: Client, sha: str) -> list[str]:
    """The plans in the check runs of a commit. The newest is last. A missing permission is a warning."""

    def read_all() -> list[str]:
        name = name_in(client.workspace, CHECK)
        runs = client.repository.get_commit(sha).get_check_runs(check_name=name)
        newest_last = sorted((run for run in runs if run.name == name), key=lambda run: run.id)
        return [run.output.summary for run in newest_last if run.output.summary]

    try:
        return client.may("read the plan in the check run", "checks: write", read_all) or []
    except ForgeError:
        return []

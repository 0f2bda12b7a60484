"""Keeps one issue per environment. Its label, its author and the first line of its text identify the issue."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from ..core.forge.environment_issue import EnvironmentIssue, IssueText
from ..core.forge.forge import Generation
from ..report.page import COMMENT_LIMIT, cut
from .marker import Marker, read, with_marker

if TYPE_CHECKING:
    from github.Issue import Issue

    from .client import Client

LABEL = "ctgitops"
"""The label of the issues. GitHub creates it with the first issue."""
MOST = 100
"""The number of labelled issues that are searched, newest first."""
LONGEST_TITLE = 250
ROUNDS = 3


def keep(client: Client, wanted: EnvironmentIssue) -> None:
    """Creates, updates, closes or reopens the issue. Tries again if another run changed the issue meanwhile."""
    for round_number in range(ROUNDS):
        found = find(client, wanted.key)
        text = wanted.compose(_memory(found))
        if text is None:
            return
        if found is None:
            _create(client, wanted, text)
            return
        _update(found, wanted, text, comment=round_number == 0)
        found.update()
        if _memory(found) == text.memory:
            return


def find(client: Client, key: str) -> Issue | None:
    """The newest issue with this key, open or closed. Ignores issues of other accounts."""
    login = client.login()
    issues = client.repository.get_issues(state="all", labels=[LABEL], sort="created", direction="desc")
    return next(
        (
            issue
            for issue in islice(issues, MOST)
            if issue.user.login == login and (marker := read(issue.body or "")) and marker.key == key
        ),
        None,
    )


def _memory(issue: Issue | None) -> str:
    marker = read(issue.body or "") if issue else None
    return marker.memory if marker else ""


def _body(wanted: EnvironmentIssue, text: IssueText) -> str:
    return with_marker(Marker(wanted.key, Generation(0, 0), "", "", record=True, memory=text.memory), text.body)


def _create(client: Client, wanted: EnvironmentIssue, text: IssueText) -> None:
    title, body = cut(text.title, LONGEST_TITLE), _body(wanted, text)
    client.once(
        lambda: client.repository.create_issue(title, body=body, labels=[LABEL]), lambda: find(client, wanted.key)
    )


def _update(issue: Issue, wanted: EnvironmentIssue, text: IssueText, *, comment: bool) -> None:
    if comment and text.comment:
        issue.create_comment(cut(text.comment, COMMENT_LIMIT))
    title, body, state = cut(text.title, LONGEST_TITLE), _body(wanted, text), "open" if text.open else "closed"
    if (issue.title, (issue.body or "").rstrip(), issue.state) != (title, body.rstrip(), state):
        issue.edit(title=title, body=body, state=state)

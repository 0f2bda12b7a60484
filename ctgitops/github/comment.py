"""The sticky comment, which is updated in place. Its first line and its author identify the comment.

A plan replaces the plan of an earlier run for the same commit or an older commit. A record replaces every other text,
but keeps the plan below it.

If another run has written the comment meanwhile, the record is made again from the ledgers. The comment then has the
newest facts, whichever run has the higher number. The content of a marker decides only between overlapping runs,
because every workflow of the repository can write comments with this account.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from ..core.forge.forge import Composed, Generation, Published, RecordComment, StickyComment
from ..report.page import COMMENT_LIMIT, cut
from .lookups import contains
from .marker import (
    MARKER,
    PLAN_NAME,
    Marker,
    digest,
    genuine,
    last_words,
    read,
    same,
    with_marker,
    with_plan,
    without_last_words,
)
from .published import published, pull_of

if TYPE_CHECKING:
    from github.Issue import Issue
    from github.IssueComment import IssueComment
    from github.PullRequest import PullRequest

    from .client import Client

ROUNDS = 6
ANY = Generation(-1, -1)
_OUTDATED = "<!-- ctgitops, outdated -->\n"


@dataclass(frozen=True)
class Found:
    """A comment that ctgitops wrote, with its marker."""

    comment: IssueComment
    marker: Marker

    @property
    def text(self) -> str:
        """The comment's text."""
        return self.comment.body or ""

    def generation(self, since: datetime | None) -> Generation:
        """The run that wrote the comment. ANY if the comment is older than `since`, or if its text was edited."""
        if since is None:
            return self.marker.generation
        changed = self.comment.updated_at
        older = changed.replace(tzinfo=changed.tzinfo or UTC) < since.replace(microsecond=0)
        return ANY if older or not genuine(self.text) else self.marker.generation

    def rank(self, since: datetime | None) -> tuple[Generation, int]:
        """The sort key of a comment. The comment with the newest content has the highest key."""
        return self.generation(since), self.comment.id


class Sticky:
    """Writes the comments of one account."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._login = ""

    def write(self, wanted: StickyComment) -> str | None:
        """Writes a plan, and writes it again if another run wrote the comment meanwhile.

        Returns the comment's URL. None if the comment is newer than the plan.
        """
        issue, text = self._issue(wanted.pull_request), whole(wanted)
        created, since = False, wanted.generation.started
        pull = cache(lambda: pull_of(self._client, wanted.pull_request) if wanted.head_sha else None)
        for _ in range(ROUNDS):
            found = self._ours(issue, wanted.key)
            newest = max(found, key=lambda f: f.rank(since), default=None)
            if newest is None and wanted.only_update:
                return None
            late = newest is not None and _is_newer(self._client, newest, wanted, pull())
            if newest is None or (wanted.recreate and not (late or created or same(newest.text, text))):
                self._create(issue, text, wanted.key, recreate=wanted.recreate)
                created = True
            elif not (
                self._fold(found, newest) if wanted.recreate else self._tidy(found, newest.text if late else text)
            ):
                break
            time.sleep(self._client.patience.settle)
        return None if newest is None or late else (newest if wanted.recreate else found[0]).comment.html_url

    def last_words(self, wanted: StickyComment) -> None:
        """Adds a text at the top of the comment, with three API calls. Does nothing if a later run wrote it."""
        self._login = self._login or self._client.login()
        issue = self._client.repository.get_issue(wanted.pull_request)
        words = last_words(wanted.body)
        newest = max(self._ours(issue, wanted.key), key=lambda f: f.rank(None), default=None)
        if newest is None:
            issue.create_comment(whole(replace(wanted, body=words)))
        elif newest.marker.generation <= wanted.generation:
            marker, _, before = (newest.comment.body or "").partition("\n")
            text = f"{marker.rstrip()}\n{words}\n{without_last_words(before)}"
            newest.comment.edit(cut(text, COMMENT_LIMIT))

    def retract(self, pull_request: int, key: str) -> None:
        """Deletes the comments on a pull request that this account wrote with the marker `key`."""
        self._login = self._login or self._client.login()
        for found in self._ours(self._client.repository.get_issue(pull_request), key):
            with self._client.ignoring_not_found():
                found.comment.delete()

    def record(self, wanted: RecordComment) -> str | None:
        """Writes a record, and writes it again if another run wrote the comment meanwhile.

        Returns the comment's URL. None if there is neither a record nor a comment.
        """
        issue, text = self._issue(wanted.pull_request), ""
        for _ in range(ROUNDS):
            found = self._ours(issue, wanted.key)
            if text and len(found) == 1 and same(found[0].text, text):
                return found[0].comment.html_url
            published = self._published(wanted, found)
            composed = wanted.compose(published)
            if composed is None:
                return None
            now = self._ours(issue, wanted.key)
            if [f.text for f in now] != [f.text for f in found]:
                continue  # another run wrote while this one read the ledgers
            text = whole_record(wanted, composed, published.plan)
            self._put(issue, now, text, wanted)
            time.sleep(self._client.patience.settle)
        return found[0].comment.html_url if found else None

    def _published(self, wanted: RecordComment, found: list[Found]) -> Published:
        base = self._base(found, recreate=wanted.recreate)
        return published(self._client, wanted.pull_request, base.text if base else "")

    def _put(self, issue: Issue, found: list[Found], text: str, wanted: RecordComment) -> None:
        base = self._base(found, recreate=wanted.recreate)
        if base is None or (wanted.recreate and not same(base.text, text)):
            self._create(issue, text, wanted.key, recreate=wanted.recreate)
            self._fold(found, None)
        else:
            self._tidy(found, text)

    @staticmethod
    def _base(found: list[Found], *, recreate: bool) -> Found | None:
        """The comment into which a record is written: the oldest, or with `recreate` the newest."""
        return (found[-1] if recreate else found[0]) if found else None

    def _issue(self, number: int) -> Issue:
        self._login = self._login or self._client.login()
        return self._client.repository.get_issue(number)

    def _ours(self, issue: Issue, key: str) -> list[Found]:
        """The comments that this account wrote with the key `key`, oldest first."""
        by_us = [c for c in issue.get_comments() if getattr(c.user, "login", "") == self._login]
        found = [Found(c, marker) for c in by_us if (marker := read(c.body or "")) and marker.key == key]
        return sorted(found, key=lambda f: f.comment.id)

    def _create(self, issue: Issue, text: str, key: str, *, recreate: bool) -> None:
        def again() -> IssueComment | None:
            found = self._ours(issue, key)
            return next((f.comment for f in found if not recreate or f.marker == read(text)), None)

        created = self._client.once(lambda: issue.create_comment(text), again)
        self._login = created.user.login

    def _tidy(self, found: list[Found], text: str) -> bool:
        """Updates the oldest comment, and deletes the others. Returns whether anything changed."""
        oldest, others = found[0], found[1:]
        differs = oldest.text != text if others else not same(oldest.text, text)
        if differs:
            with self._client.ignoring_not_found():
                oldest.comment.edit(text)
        for other in others:
            with self._client.ignoring_not_found():
                other.comment.delete()
        return differs or bool(others)

    def _fold(self, found: list[Found], newest: Found | None) -> bool:
        """Minimises all comments except the newest as outdated. Replaces their markers, which hides them from `_ours`.

        Returns whether anything changed.
        """
        others = [f for f in found if f is not newest]
        for other in others:
            with self._client.ignoring_not_found():
                other.comment.minimize("OUTDATED")
                other.comment.edit(MARKER.sub(_OUTDATED, other.text, count=1))
        return bool(others)


def _is_newer(client: Client, found: Found, wanted: StickyComment, pull: PullRequest | None) -> bool:
    """Whether a comment is newer than `wanted`. The head commit and the state of the pull request decide.

    Just after a push, GitHub may still report the previous head commit. This commit does not contain the commit of
    `wanted`, and the number of the run then decides.
    """
    marker = found.marker
    if pull and marker.record and pull.state != "open":
        return True
    if pull and marker.head_sha != wanted.head_sha and pull.head.sha in (marker.head_sha, wanted.head_sha):
        return pull.head.sha == marker.head_sha and (
            marker.generation > wanted.generation or _contains(client, marker.head_sha, wanted.head_sha)
        )
    return found.generation(wanted.generation.started) > wanted.generation


def _contains(client: Client, newer: str, older: str) -> bool:
    """Whether the commit `newer` is a descendant of `older`. False if GitHub does not answer."""
    return bool(client.perhaps(lambda: contains(client, newer, older)))


def whole(wanted: StickyComment) -> str:
    """The comment with its marker, shortened to GitHub's limit."""
    return with_marker(Marker(wanted.key, wanted.generation, wanted.head_sha, ""), wanted.body)


def whole_record(wanted: RecordComment, composed: Composed, plan: str) -> str:
    """The record with its marker, above the plan. Shortens the plan so that both fit into GitHub's limit."""
    marker = Marker(wanted.key, wanted.generation, wanted.head_sha, digest(""), record=True, memory=composed.memory)
    room = COMMENT_LIMIT - len(str(replace(marker, plan=digest("")[:PLAN_NAME])))
    body, name = with_plan(composed.body, plan, room)
    return with_marker(replace(marker, plan=name), body)

"""The sticky comment, updated in place: identified by its first line and author, and written by the newest run."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from ..core.forge.forge import Generation, StickyComment
from ..report.page import COMMENT_LIMIT, cut

if TYPE_CHECKING:
    from github.Issue import Issue
    from github.IssueComment import IssueComment

    from .client import Client

ROUNDS = 6
_MARKER = re.compile(r"<!-- ctgitops (\{[^\n]*\}) -->\r?\n")
_LAST_BEGIN, _LAST_END = "<!-- ctgitops, cancelled -->", "<!-- end of cancelled -->"
_LAST_WORDS = re.compile(rf"{_LAST_BEGIN}\r?\n.*?{_LAST_END}\r?\n(?:\r?\n)?", re.DOTALL)
_OUTDATED = "<!-- ctgitops, outdated -->\n"


@dataclass(frozen=True)
class Marker:
    """The first line of the comment, which is invisible."""

    key: str
    generation: Generation
    head_sha: str
    digest: str

    def __str__(self) -> str:
        generation = [self.generation.run_id, self.generation.run_attempt]
        fields = {"v": 1, "key": self.key, "gen": generation, "head": self.head_sha, "body": self.digest}
        safe = json.dumps(fields, separators=(",", ":")).replace("<", r"\u003c").replace(">", r"\u003e")
        return f"<!-- ctgitops {safe} -->\n"


@dataclass(frozen=True)
class Found:
    """A comment that ctgitops wrote, with its marker."""

    comment: IssueComment
    marker: Marker

    @property
    def rank(self) -> tuple[Generation, int]:
        """The sort key of a comment; the comment with the newest content has the highest."""
        return self.marker.generation, self.comment.id


class Sticky:
    """Writes the comments of one account."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._login = ""

    def write(self, wanted: StickyComment) -> str | None:
        """Writes the comment until a read shows that it is up to date; None if a newer run has already written it."""
        self._login = self._login or self._client.login()
        issue = self._client.repository.get_issue(wanted.pull_request)
        text = whole(wanted)
        created = False
        for _ in range(ROUNDS):
            found = self._ours(issue, wanted.key)
            newest = max(found, key=lambda f: f.rank, default=None)
            if newest is None and wanted.only_update:
                return None
            late = newest is not None and newest.marker.generation > wanted.generation
            if newest is None or (wanted.recreate and not (late or created or same(newest.comment.body, text))):
                self._create(issue, text, wanted)
                created = True
            elif not (
                self._fold(found, newest) if wanted.recreate else self._tidy(found, newest, "" if late else text)
            ):
                break
            time.sleep(self._client.patience.settle)
        return None if newest is None or late else (newest if wanted.recreate else found[0]).comment.html_url

    def last_words(self, wanted: StickyComment) -> None:
        """Writes above the text of the comment, whose marker stays; not if a later run wrote it. Three calls."""
        self._login = self._login or self._client.login()
        issue = self._client.repository.get_issue(wanted.pull_request)
        words = f"{_LAST_BEGIN}\n{wanted.body}\n{_LAST_END}\n"
        newest = max(self._ours(issue, wanted.key), key=lambda f: f.rank, default=None)
        if newest is None:
            issue.create_comment(whole(replace(wanted, body=words)))
        elif newest.marker.generation <= wanted.generation:
            marker, _, before = (newest.comment.body or "").partition("\n")
            text = f"{marker.rstrip()}\n{words}\n{_LAST_WORDS.sub('', before, count=1)}"
            newest.comment.edit(cut(text, COMMENT_LIMIT))

    def retract(self, pull_request: int, key: str) -> None:
        """Deletes the comments with that key from this account."""
        self._login = self._login or self._client.login()
        for found in self._ours(self._client.repository.get_issue(pull_request), key):
            with self._client.ignoring_not_found():
                found.comment.delete()

    def _ours(self, issue: Issue, key: str) -> list[Found]:
        """The comments with that key from this account, oldest first."""
        by_us = [c for c in issue.get_comments() if getattr(c.user, "login", "") == self._login]
        found = [Found(c, marker) for c in by_us if (marker := read(c.body or "")) and marker.key == key]
        return sorted(found, key=lambda f: f.comment.id)

    def _create(self, issue: Issue, text: str, wanted: StickyComment) -> None:
        def again() -> IssueComment | None:
            found = self._ours(issue, wanted.key)
            return next((f.comment for f in found if not wanted.recreate or f.marker == read(text)), None)

        created = self._client.once(lambda: issue.create_comment(text), again)
        self._login = created.user.login

    def _tidy(self, found: list[Found], newest: Found, text: str) -> bool:
        """Updates the oldest comment and deletes the others; returns whether anything changed."""
        text = text or newest.comment.body
        oldest, others = found[0], found[1:]
        differs = oldest.comment.body != text if others else not same(oldest.comment.body, text)
        if differs:
            with self._client.ignoring_not_found():
                oldest.comment.edit(text)
        for other in others:
            with self._client.ignoring_not_found():
                other.comment.delete()
        return differs or bool(others)

    def _fold(self, found: list[Found], newest: Found) -> bool:
        """Minimises all but the newest as outdated, and replaces their markers so that `_ours` no longer finds them."""
        others = [f for f in found if f is not newest]
        for other in others:
            with self._client.ignoring_not_found():
                other.comment.minimize("OUTDATED")
                other.comment.edit(_MARKER.sub(_OUTDATED, other.comment.body, count=1))
        return bool(others)


def whole(wanted: StickyComment) -> str:
    """The comment with its marker, shortened to GitHub's limit."""
    marker = str(Marker(wanted.key, wanted.generation, wanted.head_sha, digest(wanted.body)))
    return marker + cut(wanted.body, COMMENT_LIMIT - len(marker))


def read(text: str) -> Marker | None:
    """The marker at the start of a comment; None if there is none."""
    match = _MARKER.match(text)
    try:
        fields = json.loads(match[1]) if match else {}
        run_id, run_attempt = fields["gen"]
        generation = Generation(int(run_id), int(run_attempt))
        return Marker(str(fields["key"]), generation, str(fields["head"]), str(fields["body"]))
    except (ValueError, KeyError, TypeError):
        return None


def same(one: str, other: str) -> bool:
    """Whether two comments have the same content for the same commit, whichever runs wrote them."""
    markers = read(one), read(other)
    heads = [marker.head_sha if marker else None for marker in markers]
    return heads[0] == heads[1] and digest(_MARKER.sub("", one, count=1)) == digest(_MARKER.sub("", other, count=1))


def digest(body: str) -> str:
    """A hash that ignores changes by GitHub: line ends and trailing whitespace."""
    return sha256(body.replace("\r\n", "\n").rstrip().encode()).hexdigest()

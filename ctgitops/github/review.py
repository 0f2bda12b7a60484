"""Posts fixes as suggested changes on the lines of a pull request. Posts each fix only once."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from ..core.forge.forge import Review, Suggestion
from ..report.escape import prose, shown

if TYPE_CHECKING:
    from github.PullRequest import PullRequest, ReviewComment
    from github.PullRequestReview import PullRequestReview

    from .client import Client

MOST = 20
"""Maximum number of suggestions in one run."""
_MARKER = re.compile(r"<!-- ctgitops-fix ([0-9a-f]{32}) -->\r?\n")
_BACKTICKS = re.compile(r"`+")


def suggest(client: Client, review: Review) -> int:
    """Posts one review with the suggestions that were not posted before. Returns the number of suggestions."""
    wanted = [suggestion for suggestion in review.suggestions if _plain(suggestion)]
    if not wanted:
        return 0
    pull = client.repository.get_pull(review.pull_request)
    login = client.login()
    said = _posted_keys(pull, login)
    new = [suggestion for suggestion in wanted if _key(suggestion) not in said][:MOST]
    if new:
        client.once(lambda: _post(client, pull, review.sha, new), lambda: _arrived(pull, login, new))
    return len(new)


def _post(client: Client, pull: PullRequest, sha: str, new: list[Suggestion]) -> PullRequestReview | bool:
    noun = "suggestion" if len(new) == 1 else "suggestions"
    return pull.create_review(
        commit=client.repository.get_commit(sha),
        body=f"{len(new)} {noun}, each for a problem with exactly one solution.",
        event="COMMENT",
        comments=[_comment(suggestion) for suggestion in new],
    )


def _arrived(pull: PullRequest, login: str, new: list[Suggestion]) -> bool | None:
    return True if _key(new[0]) in _posted_keys(pull, login) else None


def _posted_keys(pull: PullRequest, login: str) -> set[str]:
    ours = (c for c in pull.get_review_comments() if getattr(c.user, "login", "") == login)
    return {match[1] for comment in ours if (match := _MARKER.match(comment.body or ""))}


def _comment(suggestion: Suggestion) -> ReviewComment:
    comment: ReviewComment = {
        "path": suggestion.path,
        "line": suggestion.last,
        "side": "RIGHT",
        "body": body(suggestion),
    }
    if suggestion.first < suggestion.last:
        comment |= {"start_line": suggestion.first, "start_side": "RIGHT"}
    return comment


def body(suggestion: Suggestion) -> str:
    """The text of a suggestion: the problem, what to do, and the lines that replace the old ones."""
    lines = "".join(f"{line}\n" for line in suggestion.instead)
    ticks = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(lines)), default=0))
    words = f"<b>{prose(suggestion.what)}</b><br>{prose(suggestion.hint)}"
    return f"<!-- ctgitops-fix {_key(suggestion)} -->\n{words}\n\n{ticks}suggestion\n{lines}{ticks}\n"


def _plain(suggestion: Suggestion) -> bool:
    """Whether every character is visible. A suggestion must hide nothing: people accept it with a single click."""
    return all(shown(line) == line and "\n" not in line for line in suggestion.instead)


def _key(suggestion: Suggestion) -> str:
    """Identifies a suggestion by the text before and after the change, whatever its position in the file."""
    parts = (suggestion.path, *suggestion.old, "\0", *suggestion.instead)
    return sha256("\n".join(parts).encode(errors="replace")).hexdigest()[:32]

"""Renders the issue about one environment, and the comment about a change of its state."""

from __future__ import annotations

from markupsafe import Markup

from ..core.forge.environment_issue import IssueMemory, IssueText, Topic, Trouble
from . import escape, links, phrases
from .page import MAX, fit, render

NAMES = {
    Topic.RUN: "failed run",
    Topic.DRIFT: "drift",
    Topic.PREDECESSOR: "difference from the predecessor",
    Topic.DRILL: "failed drill",
}
WELL = {
    Topic.RUN: "a later run succeeded",
    Topic.DRIFT: "the schema equals the schema of the migrations",
    Topic.PREDECESSOR: "no difference from a predecessor is left that no migration explains",
    Topic.DRILL: "the newest backup was restored and verified",
}
MOST = 200
"""The maximum number of details that an issue shows for one topic."""


def issue_text(environment: str, memory: str, topic: Topic, trouble: Trouble | None) -> IssueText | None:
    """The issue after a run has checked `topic`. None if neither the run nor the issue has a trouble of this topic."""
    before = IssueMemory.parse(memory)
    after = before.knowing(topic, trouble)
    if trouble is None and topic not in before.troubles:
        return None
    names = [NAMES[each] for each in Topic if each in after.troubles]
    title = f"{environment}: {phrases.joined(tuple(names)) if names else 'no problem'}"
    changed = (topic in before.troubles) != (topic in after.troubles)
    comment = _comment(topic, trouble, after) if changed else ""
    return IssueText(escape.one_line(title, MAX), _body(environment, after), after.text, bool(names), comment)


def _body(environment: str, memory: IssueMemory) -> str:
    troubles = [(each, memory.troubles[each]) for each in Topic if each in memory.troubles]
    details = {topic.value: len(trouble.details[:MOST]) for topic, trouble in troubles}

    def draw(kept: dict[str, int]) -> str:
        parts = [_part(topic, trouble, kept[topic.value]) for topic, trouble in troubles]
        return render("environment_issue.md.j2", {"environment": escape.plain(environment), "parts": parts})

    return fit(draw, details, MAX)


def _part(topic: Topic, trouble: Trouble, kept: int) -> dict[str, object]:
    lines = trouble.details[:kept]
    return {
        "name": NAMES[topic],
        "what": escape.prose(trouble.what),
        "details": escape.fence("\n".join(lines), "text") if lines else "",
        "more": len(trouble.details) - len(lines),
        "next": escape.prose(trouble.next) if trouble.next else Markup(),
        "run_url": links.address(trouble.run_url),
        "at": escape.plain(trouble.at),
    }


def _comment(topic: Topic, trouble: Trouble | None, after: IssueMemory) -> str:
    if trouble is None:
        rest = "" if after.troubles else " No problem is left, so this issue is closed."
        return f"✅ {NAMES[topic].capitalize()}: solved, because {WELL[topic]}.{rest}\n"
    run = f" ([run]({url}))" if (url := links.address(trouble.run_url)) else ""
    return f"⛔ {NAMES[topic].capitalize()}: {escape.prose(trouble.what)}{run}\n"

"""The invisible first line of a comment. Its JSON identifies the comment, and the plan that a record contains."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from hashlib import sha256

from ..core.forge.forge import Generation
from ..report.page import COMMENT_LIMIT, cut, cut_at_block
from ..untrusted_json import read_json

MARKER = re.compile(r"<!-- ctgitops (\{[^\n]*\}) -->\r?\n")
PLAN_NAME = 16
"""Length of the digest that marks the plan in a record. The author of a plan cannot predict the digest."""
_LAST_BEGIN, _LAST_END = "<!-- ctgitops, cancelled -->", "<!-- end of cancelled -->"
_LAST_WORDS = re.compile(rf"{_LAST_BEGIN}\r?\n.*?{_LAST_END}\r?\n(?:\r?\n)?", re.DOTALL)
_SUMMARY = "<b>The plan of this pull request</b>: its SQL, schema changes, findings and backup"


@dataclass(frozen=True)
class Marker:
    """The content of the invisible first line of a comment."""

    key: str
    generation: Generation
    head_sha: str
    digest: str
    record: bool = False
    """Whether the comment is the record of a closed pull request. A plan replaces it only after a reopening."""
    plan: str = ""
    """The digest that marks the beginning and the end of the plan in a record."""
    memory: str = ""

    def __str__(self) -> str:
        generation = [self.generation.run_id, self.generation.run_attempt]
        fields: dict[str, object] = {"v": 1, "key": self.key, "gen": generation, "head": self.head_sha}
        fields |= {"body": self.digest}
        if self.record:
            fields |= {"record": True, "plan": self.plan, "memory": self.memory}
        safe = json.dumps(fields, separators=(",", ":")).replace("<", r"\u003c").replace(">", r"\u003e")
        return f"<!-- ctgitops {safe} -->\n"


def read(text: str) -> Marker | None:
    """The marker at the start of a comment. None without a marker."""
    match = MARKER.match(text)
    try:
        fields = read_json(match[1]) if match else {}
        run_id, run_attempt = fields["gen"]
        generation = Generation(int(run_id), int(run_attempt))
        found = (str(fields["key"]), generation, str(fields["head"]), str(fields["body"]))
        more = (fields.get("record") is True, str(fields.get("plan", "")), str(fields.get("memory", "")))
        return Marker(*found, *more)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def body_of(text: str) -> str:
    """The comment without its marker."""
    return MARKER.sub("", text, count=1)


def last_words(words: str) -> str:
    """The message of a cancelled run, between two HTML comments that mark its beginning and its end."""
    return f"{_LAST_BEGIN}\n{words}\n{_LAST_END}\n"


def without_last_words(body: str) -> str:
    """The body without the message of a cancelled run at its start."""
    found = _LAST_WORDS.match(body)
    return body[found.end() :] if found else body


def genuine(text: str) -> bool:
    """Whether the comment's text matches the digest in its marker. If it does, the comment was never edited."""
    marker = read(text)
    return marker is not None and marker.digest == digest(body_of(text))


def same(one: str, other: str) -> bool:
    """Whether two comments have the same content for the same commit. Their runs may differ."""
    markers = read(one), read(other)
    heads = [marker.head_sha if marker else None for marker in markers]
    return heads[0] == heads[1] and digest(body_of(one)) == digest(body_of(other))


def digest(body: str) -> str:
    """A hash of text that ignores what GitHub changes, which is line ends and trailing whitespace."""
    return sha256(body.replace("\r\n", "\n").rstrip().encode()).hexdigest()


def with_marker(marker: Marker, body: str) -> str:
    """The comment with its marker, shortened to GitHub's limit. The marker has the digest of the shortened body."""
    room = COMMENT_LIMIT - len(str(replace(marker, digest=digest(""))))
    shortened = cut(body, room)
    return f"{replace(marker, digest=digest(shortened))}{shortened}"


def with_plan(body: str, plan: str, room: int) -> tuple[str, str]:
    """A record above the collapsed plan, and the digest that marks the plan. Shortens the plan to fit into `room`."""
    if not plan:
        return body, ""
    name = digest(plan)[:PLAN_NAME]
    before = f"{body.rstrip()}\n\n<details><summary>{_SUMMARY}</summary>\n\n{_edge('begin', name)}\n\n"
    after = f"\n\n{_edge('end', name)}\n\n</details>\n"
    kept = cut_at_block(plan.strip(), room - len(before) - len(after))
    return (f"{before}{kept}{after}", name) if kept else (body, "")


def plan_in(text: str) -> str:
    """The plan in a comment: the lower part of a record, or the whole text of a plan comment."""
    marker = read(text)
    body = without_last_words(body_of(text).replace("\r\n", "\n"))
    if marker is None or not marker.record:
        return body if marker else ""
    begin, end = (_edge(which, marker.plan) for which in ("begin", "end"))
    return body.split(begin, 1)[1].rsplit(end, 1)[0].strip() if marker.plan and begin in body else ""


def _edge(which: str, name: str) -> str:
    return f"<!-- ctgitops plan {which} {name} -->"

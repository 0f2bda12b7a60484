"""The issue about one environment. It is open while the schema drifts, or after a failed run or drill. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum

from ...lazy import dataclass
from ...untrusted_json import read_json


class Topic(StrEnum):
    """A subject of the issue about an environment. Each kind of run updates one topic."""

    RUN = "run"
    DRIFT = "drift"
    PREDECESSOR = "predecessor"
    DRILL = "drill"


@dataclass(frozen=True)
class Trouble:
    """What is wrong with one topic, according to the newest run that checked the topic."""

    what: str
    details: tuple[str, ...] = ()
    next: str = ""
    run_url: str = ""
    at: str = ""
    """When the run found the trouble, as text."""


@dataclass(frozen=True)
class IssueMemory:
    """The troubles that an issue shows, by topic. The text of the issue contains them as hidden JSON."""

    troubles: Mapping[Topic, Trouble] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> IssueMemory:
        """Reads the output of `text`. An invalid text has no troubles, and the next runs find them again."""
        try:
            found = {Topic(topic): Trouble(**fields) for topic, fields in read_json(text).items()}
            return cls({topic: _tidy(trouble) for topic, trouble in found.items()})
        except (ValueError, TypeError, AttributeError):
            return cls()

    @property
    def text(self) -> str:
        """The troubles as JSON."""
        return json.dumps({topic.value: vars(trouble) for topic, trouble in self.troubles.items()}, ensure_ascii=False)

    def knowing(self, topic: Topic, trouble: Trouble | None) -> IssueMemory:
        """The stored troubles after a run has checked a topic. `trouble` is None if the run found no trouble."""
        others = {each: known for each, known in self.troubles.items() if each is not topic}
        return IssueMemory({**others, **({topic: trouble} if trouble else {})})


def _tidy(trouble: Trouble) -> Trouble:
    """The trouble with all fields as text. A stored issue can contain values of other types."""
    details = tuple(map(str, trouble.details))
    return Trouble(str(trouble.what), details, str(trouble.next), str(trouble.run_url), str(trouble.at))


@dataclass(frozen=True)
class IssueText:
    """What an issue shows after a run."""

    title: str
    body: str
    memory: str
    open: bool
    comment: str = ""
    """The comment about a change of state, which notifies people. Empty if the state did not change."""


@dataclass(frozen=True)
class EnvironmentIssue:
    """The issue to keep about one environment."""

    key: str
    """The identity of the issue among the issues of the repository."""
    compose: Callable[[str], IssueText | None] = field(repr=False)
    """Makes the issue from the stored troubles, an empty text without an issue. Returns None to change nothing."""

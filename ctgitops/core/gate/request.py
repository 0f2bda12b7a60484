"""The request for one run: all that a command knows of the outside world except what it gets from its ports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ...errors import UsageError
from ..environment.environment import Environment, ShadowPolicy, Target
from ..schema.prediction import Prediction
from ..workspace.workspace import Workspace
from .review import Reviews


@dataclass(frozen=True)
class Origin:
    """Who runs this and for what; it goes into every ledger entry."""

    actor: str = ""
    commit_sha: str = ""
    pull_request: int | None = None
    run_url: str = ""
    repository_url: str = ""
    """Where people look at the repository: `https://github.com/owner/name`; empty where nowhere."""
    folder: str = ""
    """Where in that repository the workspace is, with a `/` at its end; empty for its root."""


@dataclass(frozen=True)
class Request:
    """One run on one environment. The clock is read once, for `now`."""

    workspace: Workspace
    environment: Environment
    now: datetime
    origin: Origin = field(default_factory=Origin)
    target: Target | None = None
    """Where the run overrides the manifest's target."""
    approved: str | None = None
    """The fingerprint that may be applied, or the beginning of it; None where nobody had to approve."""
    prediction: Prediction | None = None
    """What the approved plan's trial said the schema will be; None where nobody tried it or kept it."""
    reviews: Reviews | None = None
    """What merged pull requests showed; None where there is no forge to ask, as on a command line."""
    accepted_losses: frozenset[str] = frozenset()
    """Migrations, by name or number, whose data somebody accepted to lose in a rollback."""
    wait_for_lock: timedelta = timedelta(minutes=5)
    """How long to wait for another run to end."""

    def copied_where(self, other: ShadowPolicy) -> Request:
        """The same with its copy made on the server that `other` chooses."""
        shadow = replace(self.environment.shadow, url_secret=other.url_secret, image=other.image)
        return replace(self, environment=replace(self.environment, shadow=shadow))


def fingerprint_from(text: str | None) -> str | None:
    """A fingerprint as a person gives it. Raises UsageError."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9a-f]{12,64}|none", text):
        raise UsageError(
            f"`{text}` is no fingerprint", hint="at least its first 12 hex digits, as `ctgitops plan` shows"
        )
    return text

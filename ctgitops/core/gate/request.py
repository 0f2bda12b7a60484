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
    """Who started this run, and for which commit; every ledger entry records it."""

    actor: str = ""
    commit_sha: str = ""
    pull_request: int | None = None
    run_url: str = ""
    repository_url: str = ""
    """The repository's web address, `https://github.com/owner/name`; empty where it has none."""
    folder: str = ""
    """The path of the workspace in that repository, with a `/` at its end; empty for its root."""


@dataclass(frozen=True)
class Request:
    """One run on one environment. The clock is read once, as `now`."""

    workspace: Workspace
    environment: Environment
    now: datetime
    origin: Origin = field(default_factory=Origin)
    target: Target | None = None
    """The target where the run overrides that of the manifest."""
    approved: str | None = None
    """The approved fingerprint, or the start of it; None where no approval is needed."""
    prediction: Prediction | None = None
    """The schema that the approved plan's trial predicts; None without a trial, or where its result was not stored."""
    reviews: Reviews | None = None
    """The files that merged pull requests showed; None without a forge, as on a command line."""
    accepted_losses: frozenset[str] = frozenset()
    """Migrations, by name or number, whose data loss in a rollback a user accepted."""
    wait_for_lock: timedelta = timedelta(minutes=5)
    """How long to wait for another run to end."""

    def copied_where(self, other: ShadowPolicy) -> Request:
        """The same request, with its throw-away copy created on the server that `other` names."""
        shadow = replace(self.environment.shadow, url_secret=other.url_secret, image=other.image)
        return replace(self, environment=replace(self.environment, shadow=shadow))


def fingerprint_from(text: str | None) -> str | None:
    """The fingerprint, or the start of one, that a user entered. Raises UsageError."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9a-f]{12,64}|none", text):
        raise UsageError(
            f"`{text}` is not a fingerprint", hint="enter at least its first 12 hex digits, as `ctgitops plan` shows"
        )
    return text

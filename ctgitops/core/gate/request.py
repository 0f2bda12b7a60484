"""The request for one run: every input of a command, except the data that it reads through ports."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...lazy import dataclass
from ..ledger.ledger import Entry, Mark
from .override import OVERRIDABLE, Override

if TYPE_CHECKING:
    from ..environment.environment import Environment, ShadowPolicy
    from ..migration.selector import Selector
    from ..schema.prediction import Prediction
    from ..workspace.workspace import Workspace
    from .review import Reviews


@dataclass(frozen=True)
class Origin:
    """Who started this run, and from which commit. Every ledger entry records this origin."""

    actor: str = ""
    commit_sha: str = ""
    pull_request: int | None = None
    run_url: str = ""
    repository_url: str = ""
    """The repository's web address, such as `https://github.com/owner/name`. Empty if the address is unknown."""
    folder: str = ""
    """The path of the workspace in that repository, with a `/` at the end. Empty for the repository's root."""
    disk_is_deleted: bool = False
    """Whether the disk of this machine is deleted after the run, as on a GitHub-hosted runner."""

    def signed(self, entry: Entry) -> Entry:
        """The ledger entry with its author and origin. Keeps the author that another tool recorded."""
        by_tool = entry.actor if entry.mark in {Mark.BASELINED, Mark.ROLLED_BACK} else None
        return replace(
            entry,
            actor=by_tool or self.actor or None,
            commit_sha=self.commit_sha or None,
            pull_request=self.pull_request,
            run_url=self.run_url or None,
        )


@dataclass(frozen=True)
class Request:
    """The inputs of one run on one environment. `now` is the only time that the run uses."""

    workspace: Workspace
    environment: Environment
    now: datetime
    origin: Origin = field(default_factory=Origin)
    target: Selector | None = None
    """The target of this run. None if the run uses the manifest's target."""
    approved: str | None = None
    """The approved fingerprint or its first digits. None if no approval is required."""
    prediction: Prediction | None = None
    """The schema that the approved plan's trial predicts. None without a trial, or if the prediction was not stored."""
    reviews: Reviews | None = None
    """The files that merged pull requests showed. None without a forge, as on a command line."""
    override: Override | None = None
    """The gates that a person overrides for this run. None if all gates count."""
    accepted_losses: frozenset[str] = frozenset()
    """The migrations, by name or number, whose rollback may destroy data because the user has accepted the loss."""
    refuses_findings: bool = False
    """Whether the apply refuses a plan with a finding of severity error. True on GitHub: an event starts the run."""
    wait_for_lock: timedelta = timedelta(minutes=5)
    """How long to wait for another run on the same database to end."""

    def copied_where(self, other: ShadowPolicy) -> Request:
        """The same request, with the shadow policy of another environment."""
        shadow = replace(self.environment.shadow, url_secret=other.url_secret, image=other.image)
        return replace(self, environment=replace(self.environment, shadow=shadow))


def override_command(request: Request, gates: Iterable[str]) -> str:
    """The command that repeats an apply and overrides `gates`. Also overrides the gates that the request overrides."""
    overridden = frozenset(gates) | (request.override.gates if request.override else frozenset())
    options = [f"--env {request.environment.name}"]
    options += [f"--to {request.target.text}"] if request.target else []
    if request.approved and request.reviews is None:  # on GitHub, the workflow passes the fingerprint
        options.append(f"--fingerprint {request.approved[:12]}")
    options += [f"--override {gate}" for gate in OVERRIDABLE if gate in overridden]
    return f'ctgitops apply {" ".join(options)} --reason "…"'


def fingerprint_from(text: str | None) -> str | None:
    """The fingerprint, or its first digits, in a user's input. None if the input has none. Raises UsageError."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9a-f]{12,64}|none", text):
        raise UsageError(
            f"`{text}` is not a fingerprint",
            hint="enter at least the first 12 hexadecimal digits of the fingerprint that `ctgitops plan` shows",
        )
    return text

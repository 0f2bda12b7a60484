"""Creates the checks of `doctor` for a checkout, its environments and its repository on GitHub."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from datetime import date
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.doctor.diagnosis import Diagnosis, ok, problem, unknown
from ..core.doctor.variables import variables
from ..files.git import github_repository, top_of
from ..files.policy import layout_of
from ..files.workflow_checks import WorkflowChecks
from ..lazy import dataclass
from ..notify.telemetry_settings import endpoint
from ..ports.examination import Examination, Look
from .database_looks import DatabaseLooks

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.environment.receiver import Receiver
    from ..core.problem import Problem
    from ..github.repository_checks import RepositoryChecks
    from .backups import StoredBackups


OF_KEYS = frozenset(
    {"backup-store", "connections", "disk", "dump-client", "encryption-keys", "extensions", "recovery", "trial"}
)
"""The checks whose results depend on optional keys of the manifest."""


def _unread(check: str, why: str) -> Iterator[Diagnosis]:
    yield unknown(check, f"the manifest is not valid: {why}", "ctgitops check")


def checks_on_github(root: Path, environ: Mapping[str, str]) -> RepositoryChecks:
    """The checks of the repository on GitHub, with the token of the environment variables, if one is set."""
    from ..github.access import Access
    from ..github.repository_checks import RepositoryChecks

    names = ("GITHUB_TOKEN", "GH_TOKEN", "INPUT_GITHUB-TOKEN")
    token = next((value for name in names if (value := environ.get(name, "").strip())), "")
    server = environ.get("GITHUB_SERVER_URL") or "https://github.com"
    repository = environ.get("GITHUB_REPOSITORY") or github_repository(root, server)
    url = environ.get("GITHUB_API_URL") or "https://api.github.com"
    return RepositoryChecks(Access(token, repository, url))


@dataclass(frozen=True)
class Examinations:
    """The checks of one checkout."""

    root: Path
    environ: Mapping[str, str] = field(repr=False)
    receivers: tuple[Receiver, ...]
    """The receivers of the policy."""
    manifest_problems: Callable[[Environment], tuple[Problem, ...]]
    """The problems that leave keys of a manifest unread."""
    backups: StoredBackups
    today: date

    def of(self, environments: tuple[Environment, ...]) -> tuple[Examination, ...]:
        """The checks of these environments and of the repository. All of them can run at the same time."""
        return (
            *(each for environment in environments for each in self._read(environment)),
            Examination("", {"telemetry": self._telemetry}),
            self._github(environments),
            self._workflows(),
        )

    def _read(self, environment: Environment) -> Iterator[Examination]:
        """The checks of one environment. If keys are unread, what depends on a key is unknown."""
        problems = self.manifest_problems(environment)
        why = f"{problems[0].place}: {problems[0].what}" if problems else ""
        for each in self._environment(environment):
            unread = {check: partial(_unread, check, why) for check in each.looks if check in OF_KEYS}
            yield replace(each, looks={**each.looks, **unread}) if problems else each

    def _environment(self, environment: Environment) -> Iterator[Examination]:
        from ..backup import store_checks

        known = {name for name, value in self.environ.items() if value.strip()}
        keys, policy = self.backups.private_key, environment.backup
        settings: dict[str, Look] = {
            "variables": lambda: variables(environment, (*self.receivers, *environment.notify), known),
            "encryption-keys": lambda: store_checks.encryption_keys(policy, keys),
        }
        yield Examination(environment.name, settings)
        looks = DatabaseLooks(environment, self.backups.addresses, self.root, self.today)
        yield looks.database()
        yield looks.machine()
        yield Examination(environment.name, {"backup-store": lambda: store_checks.store(environment, self.root)})

    def _telemetry(self) -> Iterator[Diagnosis]:
        if not endpoint(self.environ):
            yield ok("telemetry", "no environment variable requests traces or metrics")
        elif find_spec("opentelemetry") is None:
            yield problem("telemetry", "the extra `otel` is not installed", "pip install 'ctgitops[otel]'")
        else:
            yield ok("telemetry", "the extra `otel` is installed")

    def _github(self, environments: tuple[Environment, ...]) -> Examination:
        checks = checks_on_github(self.root, self.environ)
        looks: dict[str, Look] = {
            "github-token": checks.token,
            "branch-rules": checks.branch_rules,
            "github-environments": lambda: checks.environments(environments),
        }
        return Examination("", looks)

    def _workflows(self) -> Examination:
        top = top_of(self.root)
        root = self.root.resolve().relative_to(top.resolve())
        checks = WorkflowChecks(top, (root / layout_of(self.root).folder).as_posix(), root.as_posix())
        looks: dict[str, Look] = {
            "workflow-files": checks.readable,
            "workflow-action": checks.action,
            "workflow-concurrency": checks.concurrency,
            "workflow-permissions": checks.permissions,
            "workflow-checkout": checks.checkout,
            "workflow-paths": checks.paths,
        }
        return Examination("", looks)

"""Creates the implementations of the ports from one checkout and one process environment."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.environment.environment_order import in_order_of_after
from ..core.gate.request import Origin, Request, fingerprint_from
from ..core.migration.selector import selector_from
from ..errors import UsageError, WorkspaceError
from ..files.git import head_of, seniority_of, top_of
from ..files.layout_reader import migrations_among
from ..files.manifest import read_environments
from ..files.policy import layout_of
from ..files.repository import Repository
from ..files.workspace import read_workspace
from ..lazy import dataclass
from .addresses import Addresses
from .databases import PostgresDatabases, ThrowAwayDatabases
from .origin import origin_from

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.environment.layout import Layout
    from ..core.migration.migration_name import MigrationName
    from ..core.run.progress import Listener
    from ..core.trial.code_reference import Searched
    from ..core.workspace.workspace import Workspace
    from ..files.command_run import LocalCommands
    from ..ports.forge import Forge
    from ..sql.name_changes import SearchedName
    from .backups import StoredBackups
    from .benchmarks import LocalBenchmarks
    from .examinations import Examinations
    from .notifications import Notifications
    from .schemas import NamedSchemas

# Without a handler, Python prints the warnings of libraries to standard error as plain text.
logging.getLogger().addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Wiring:
    """One checkout and one process environment, and the implementations of the ports that use both."""

    root: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @cached_property
    def workspace(self) -> Workspace:
        """The checkout's migrations, manifests and policy."""
        found = read_workspace(self.root)
        if any(m.contract_lines for m in found.migrations):
            from ..core.ledger.contract import ContractCheck

            check = ContractCheck(self.today, cache(self.code.mentions), found.policy.unrelated_code)
            found = replace(found, contract_check=check)
        return replace(found, git=seniority_of(self.root, found.contested)) if found.contested else found

    @cached_property
    def environments(self) -> tuple[Environment, ...]:
        """The environments with valid manifests in the checkout, which may lack migrations/."""
        return read_environments(Repository(self.root))[0]

    @cached_property
    def origin(self) -> Origin:
        """Who started the run, and the run's commit."""
        return origin_from(self.environ, self.root)

    @property
    def now(self) -> datetime:
        """The current time."""
        return datetime.now(UTC)

    @property
    def today(self) -> date:
        """The current day in UTC, which decides whether an allowance has expired."""
        return self.now.date()

    @property
    def checked_out(self) -> str:
        """The commit that is checked out. Empty before the first commit. Raises WorkspaceError if git fails."""
        return head_of(self.root)

    @property
    def environment_names(self) -> list[str]:
        """The names of all environments. Each comes after the environment in its `after`. Raises UsageError."""
        if not self.workspace.environments:
            blocking = [p for p in self.workspace.read_problems if p.blocks]
            hint = "`ctgitops check` reports the errors" if blocking else "`ctgitops init` creates three manifests"
            raise UsageError("environments/ has no valid manifest", hint=hint)
        return [e.name for e in in_order_of_after(self.workspace.environments)]

    def environment(self, name: str) -> Environment:
        """The environment called `name`. Raises UsageError if there is none."""
        found = self.workspace.environment(name)
        if found is None:
            self._refuse_unreadable(name)
            names = ", ".join(e.name for e in self.workspace.environments) or "none"
            raise UsageError(f"there is no environment `{name}`", hint=f"environments/ has: {names}")
        return found

    def _refuse_unreadable(self, name: str) -> None:
        for problem in self.workspace.read_problems:
            if problem.blocks and problem.place and Path(problem.place.path).stem == name:
                raise WorkspaceError(problem.what, place=problem.place, hint=problem.hint)

    def request(
        self,
        name: str,
        *,
        target: str | None = None,
        approved: str | None = None,
        wait: float = 300,
        accepted_losses: tuple[str, ...] = (),
    ) -> Request:
        """The request for one run on the environment `name`, at the current time. Raises UsageError."""
        return Request(
            workspace=self.workspace,
            environment=self.environment(name),
            now=datetime.now(UTC),
            origin=self.origin,
            target=None if target is None else selector_from(target, "--to"),
            approved=fingerprint_from(approved),
            accepted_losses=frozenset(accepted_losses),
            wait_for_lock=timedelta(seconds=wait),
        )

    @property
    def addresses(self) -> Addresses:
        """The addresses of databases."""
        return Addresses(self.environ)

    @property
    def databases(self) -> PostgresDatabases:
        """The databases of environments."""
        return PostgresDatabases(self.addresses, self.environment)

    @property
    def shadows(self) -> ThrowAwayDatabases:
        """Creates throw-away databases."""
        return ThrowAwayDatabases(self.addresses)

    def commands(self, *, captured: bool = False, interactive: bool = False) -> LocalCommands:
        """Runs commands of the project. With `captured`, their output is read, and shown on standard error.

        With `interactive`, they use the terminal of this process.
        """
        from ..core.doctor.variables import secrets_of
        from ..files.command_run import LocalCommands, standard_error

        names = secrets_of(self.environments, self.workspace.policy.notify)
        return LocalCommands(self.root, self.environ, names, standard_error() if captured else None, interactive)

    @property
    def benchmarks(self) -> LocalBenchmarks:
        """Runs benchmarks in throw-away databases. The output of pgbench is read, and not shown."""
        from .benchmarks import LocalBenchmarks

        commands = replace(self.commands(captured=True), echo=io.BytesIO())
        return LocalBenchmarks(commands, self.environ.get("PATH", ""))

    @property
    def code(self) -> RepositoryCode:
        """The repository's code."""
        return RepositoryCode(self.root, self.environ)

    @property
    def backups(self) -> StoredBackups:
        """Takes and restores backups."""
        from .backups import StoredBackups

        return StoredBackups(self.root, self.addresses, lambda: self.workspace.environments)

    @property
    def notifications(self) -> Notifications:
        """Sends notifications to the receivers of environments."""
        from .notifications import Notifications

        return Notifications(self.workspace, self.origin, self.environ)

    @property
    def examinations(self) -> Examinations:
        """The checks of `doctor`."""
        from .examinations import Examinations

        receivers, problems = self.workspace.policy.notify, self.workspace.problems_with
        return Examinations(self.root, self.environ, receivers, problems, self.backups, self.today)

    def schemas(self, tell: Listener) -> NamedSchemas:
        """A reader of schemas by name."""
        from .schemas import NamedSchemas

        return NamedSchemas(self.workspace, self.databases, self.backups, tell)

    def write(self, path: Path, text: str) -> None:
        """Writes a file that the user named. Raises UsageError."""
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}", hint="name another file") from None

    def forge(self, token: str, warn: Callable[[str], None]) -> Forge:
        """The forge where plans are reviewed. Calls `warn` for each permission that the token lacks."""
        from ..github.access import Access
        from ..github.forge import GitHubForge

        url = self.environ.get("GITHUB_API_URL") or "https://api.github.com"
        access = Access(token, self.environ.get("GITHUB_REPOSITORY", ""), url)
        folder = self.origin.folder
        return GitHubForge(access, warn, folder=f"{folder}{layout_of(self.root).folder}", workspace=folder.rstrip("/"))

    def migrations_among(self, layout: Layout, paths: Iterable[str]) -> dict[str, MigrationName]:
        """Maps the paths of migration files to the names of the migrations. Leaves out rollbacks and other files.

        Paths are relative to the repository.
        """
        folder = self.origin.folder
        inside = {path.removeprefix(folder): path for path in paths if path.startswith(folder)}
        found = migrations_among(layout, inside)
        return {inside[path]: name for path, name in found.items()}

    @contextmanager
    def console(self, *more: Listener, environment: str = "", as_json: bool = False) -> Iterator[Listener]:
        """A listener that shows progress events in a terminal or log, or as JSON lines. It passes them to `more`.

        The listener ends with the block.
        """
        from ..notify.listeners import listeners

        if as_json:
            from ..notify.json_lines import json_lines

            yield listeners(json_lines(sys.stderr, environment), *more)
            return
        from ..notify.console import console

        with console(self.environ, sys.stderr) as tell:
            yield listeners(tell, *more)


@dataclass(frozen=True)
class RepositoryCode:
    """Implements `ports.code.Code`."""

    root: Path
    environ: Mapping[str, str] = field(repr=False)

    def mentions(self, those: tuple[SearchedName, ...]) -> Searched:
        """The places where the repository's code mentions the names in `those`."""
        from ..files.code_search import search_code

        return search_code(self.root, Path(self.environ.get("GITHUB_WORKSPACE") or top_of(self.root)), those)

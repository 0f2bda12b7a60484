"""Creates the implementation of each port, from a checkout and the process environment. Only this module does so."""

from __future__ import annotations

import getpass
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .core.environment.environment import Environment, ShadowPolicy, Target
from .core.forge.intent import in_order_of_after
from .core.gate.gate import Predecessor, Unreadable
from .core.gate.request import Origin, Request, fingerprint_from
from .core.migration.selector import selector_from
from .core.schema.snapshot import Snapshot, snapshot_from
from .core.workspace.workspace import Workspace
from .errors import CtgitopsError, UsageError, WorkspaceError
from .files.git import head_of, in_repository, seniority_of, top_of
from .files.workspace import read_workspace

if TYPE_CHECKING:
    from .core.plan.plan import Step
    from .core.plan.replay import ReplayTarget
    from .core.receipt import Receipt
    from .core.run.progress import Listener
    from .core.schema.source_database import SourceDatabase
    from .core.trial.code_reference import Searched
    from .ports import Backups, Database, Forge, Replay, Sandbox, Schemas
    from .postgres.connection.connect import Address
    from .sql.name_changes import Gone


@dataclass(frozen=True)
class Wiring:
    """One checkout and one process environment, and the real things made from them."""

    root: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @cached_property
    def workspace(self) -> Workspace:
        """What the checkout holds."""
        found = read_workspace(self.root)
        return replace(found, git=seniority_of(self.root, found.contested)) if found.contested else found

    @cached_property
    def origin(self) -> Origin:
        """Who runs this and for what."""
        return origin_from(self.environ, self.root)

    @property
    def today(self) -> date:
        """The day by UTC, on which allowances end."""
        return datetime.now(UTC).date()

    @property
    def checked_out(self) -> str:
        """The commit that is checked out; empty before the first one. Raises WorkspaceError where git cannot tell."""
        return head_of(self.root)

    @property
    def environment_names(self) -> list[str]:
        """All environments, each behind the one it comes after. Raises UsageError where there is none."""
        if not self.workspace.environments:
            blocking = [p for p in self.workspace.read_problems if p.blocks]
            hint = "`ctgitops check` tells what is wrong" if blocking else "`ctgitops init` writes three to begin with"
            raise UsageError("environments/ holds no manifest that can be read", hint=hint)
        return [e.name for e in in_order_of_after(self.workspace.environments)]

    def environment(self, name: str) -> Environment:
        """The environment of that name. Raises UsageError."""
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
        """One run on one environment, with the clock read now. Raises UsageError."""
        return Request(
            workspace=self.workspace,
            environment=self.environment(name),
            now=datetime.now(UTC),
            origin=self.origin,
            target=_target(target),
            approved=fingerprint_from(approved),
            accepted_losses=frozenset(accepted_losses),
            wait_for_lock=timedelta(seconds=wait),
        )

    def of(self, environment: Environment) -> Database:
        """The database of an environment. Raises UsageError where its secret is not set."""
        from .postgres.session.database import PostgresDatabase

        return PostgresDatabase(self.address(environment.url_secret, environment.name))

    def like(self, wanted: ReplayTarget, environment: Environment | None = None) -> AbstractContextManager[Replay]:
        """An empty throw-away database like what is wanted, gone when the block ends. Raises UsageError."""
        from .postgres.shadow.replay import replay_shadow

        policy = environment.shadow if environment else ShadowPolicy()
        if environment is None or not policy.url_secret:
            return replay_shadow(wanted, policy)
        target = self.address(environment.url_secret, environment.name)
        return replay_shadow(wanted, policy, self.address(policy.url_secret, "the shadow"), target)

    def sealed(
        self, original: SourceDatabase, policy: ShadowPolicy, had: tuple[Step, ...] = ()
    ) -> AbstractContextManager[Sandbox]:
        """A throw-away copy of a real schema with steps, gone when the block ends. Raises UsageError, ApplyError."""
        from .postgres.shadow.sandbox import sealed_shadow

        where = self.address(policy.url_secret, "the shadow") if policy.url_secret else None
        return sealed_shadow(original, policy, where, had)

    def predecessor(self, request: Request) -> Predecessor:
        """The ledger of the environment that `after` names, or why it could not be read."""
        name = request.environment.after
        if name is None:
            return None
        try:
            return self.of(self.environment(name)).ledger()
        except CtgitopsError as error:
            return Unreadable(error.what, error.exit_status)

    def mentions(self, those: tuple[Gone, ...]) -> Searched:
        """Where the repository's code mentions these names."""
        from .files.code_search import search_code

        return search_code(self.root, Path(self.environ.get("GITHUB_WORKSPACE") or top_of(self.root)), those)

    def address(self, secret: str, whose: str) -> Address:
        """Where a secret points. Raises UsageError where it is not set."""
        from .postgres.connection.connect import Address

        url = self.environ.get(secret, "").strip()
        if not url:
            what = f"{whose} wants its database's URL in {secret}, which is not set"
            hint = (
                f"export {secret}=postgresql://…; in a workflow, under `env:`, `{secret}: ${{{{ secrets.{secret} }}}}`"
            )
            raise UsageError(what, hint=hint)
        return Address(url, f"{whose} ({secret})")

    def url_or_secret(self, text: str) -> str:
        """A URL as given, or what `$NAME` names, so that no secret has to stand on a command line."""
        if not text.startswith("$"):
            return text
        return self.address(text.strip("${}"), "--into").url

    def write(self, path: Path, text: str) -> None:
        """Writes a file that a person named. Raises UsageError."""
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}", hint="name another file") from None

    @property
    def backups(self) -> Backups:
        """Where proved backups come from and go back to."""
        return _Backups(self)

    def schemas(self, tell: Listener) -> Schemas:
        """Schemas that a person can name."""
        return _Schemas(self, tell)

    def forge(self, token: str, warn: Callable[[str], None]) -> Forge:
        """Where plans are reviewed; `warn` hears what the token may not do."""
        from .github.access import Access
        from .github.forge import GitHubForge

        url = self.environ.get("GITHUB_API_URL") or "https://api.github.com"
        access = Access(token, self.environ.get("GITHUB_REPOSITORY", ""), url)
        return GitHubForge(access, warn, folder=f"{self.origin.folder}migrations")

    @contextmanager
    def console(self) -> Iterator[Listener]:
        """Who hears what happens while the context is open: a person at a terminal, or a log."""
        from .notify.applied import noting
        from .notify.console import console

        with console(self.environ, sys.stderr) as tell:
            yield noting(tell)


@dataclass(frozen=True)
class _Backups:
    """Imports what takes backups when one is taken: 60 ms that a run without a backup need not pay."""

    wiring: Wiring

    def take(self, environment: Environment, tell: Listener) -> Receipt:
        return self._local().take(environment, tell)

    def restore(self, receipt_path: str, url: str, tell: Listener) -> Receipt:
        return self._local().restore(receipt_path, url, tell)

    def _local(self) -> Backups:
        from .backup.local import LocalBackups

        return LocalBackups(
            self.wiring.root,
            address_of=lambda environment: self.wiring.address(environment.url_secret, environment.name),
            address_of_secret=lambda secret: self.wiring.address(secret, "backup.verify_server"),
        )


@dataclass(frozen=True)
class _Schemas:
    """An environment's name goes before a file's."""

    wiring: Wiring
    tell: Listener

    @property
    def workspace(self) -> Workspace:
        return self.wiring.workspace

    def named(self, name: str) -> Snapshot:
        environment = self.workspace.environment(name)
        if environment is not None:
            return self.wiring.of(environment).snapshot()
        path = Path(name)
        if path.name == "receipt.json" or (path / "receipt.json").is_file():
            from .backup.dump_schema import schema_of_backup

            receipt = path if path.is_file() else path / "receipt.json"
            return schema_of_backup(receipt.resolve(), self.tell)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            names = ", ".join(e.name for e in self.workspace.environments) or "none"
            hint = (
                f"environments here: {names}; or `migrations`, a file of `ctgitops snapshot`, a backup's receipt.json"
            )
            raise UsageError(f"`{name}` is no environment, and no file that can be read", hint=hint) from None
        return snapshot_from(text, name)


def origin_from(environ: Mapping[str, str], root: Path) -> Origin:
    """Who runs this and for what: from GitHub's variables, else the user and the checkout's commit."""
    server, repository, run = (environ.get(f"GITHUB_{k}", "") for k in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    pull_request = re.fullmatch(r"refs/pull/(\d+)/\w+", environ.get("GITHUB_REF", ""))
    return Origin(
        actor=environ.get("GITHUB_ACTOR") or _user(),
        commit_sha=environ.get("GITHUB_SHA") or _commit(root),
        pull_request=int(pull_request[1]) if pull_request else None,
        run_url=f"{server}/{repository}/actions/runs/{run}" if run else "",
        repository_url=f"{server}/{repository}" if server and repository else "",
        folder=_folder(root, environ.get("GITHUB_WORKSPACE", "")),
    )


def _folder(root: Path, repository: str) -> str:
    """Where a workspace is in its repository."""
    inside = os.path.relpath(root, repository) if repository else "."
    return "" if inside == "." or inside.startswith("..") else f"{inside}/"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _commit(root: Path) -> str:
    """For the record only: a run is not refused because git cannot tell its commit."""
    try:
        return head_of(root) if in_repository(root) else ""
    except CtgitopsError:
        return ""


def _target(text: str | None) -> Target | None:
    if text is None:
        return None
    found = selector_from(text, "--to")
    return Target(found.version, found.number, found.name)

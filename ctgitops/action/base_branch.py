"""Chooses the database that a plan may connect to. The base branch's manifests decide, and not the pull request's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..commands.planning.offline import OfflinePlanner
from ..core.environment.environment import BackupPolicy, Environment, ShadowPolicy
from ..core.forge.forge import TreeFile
from ..core.gate.gate import Predecessor, Unreadable
from ..core.gate.request import Request
from ..core.problem import Problem
from ..core.view.preview import NotPlanned, PlanResult
from ..errors import CtgitopsError, ForgeError, MustWaitError, Place
from ..files.workspace_copy import environments_in
from ..ports.database import Database, Databases
from ..ports.forge import Forge
from ..ports.shadow import Shadows

FOLDER = "environments"
LARGEST = 100_000
MOST = 100
"""Limits for reading a commit: at most MOST manifests, of at most LARGEST bytes each."""
NOT_MERGED = "the change takes effect after the merge"


@dataclass(frozen=True)
class BaseCommit:
    """The commit whose manifests define the connections of an unmerged plan."""

    sha: str
    branch: str = ""
    """The default branch, if its newest commit is used because the pull request has another base branch."""


@dataclass(frozen=True)
class Merged:
    """Maps environments of the base branch to the databases that unmerged plans may connect to."""

    environments: Mapping[str, Environment]
    databases: Databases
    workspace: Mapping[str, Environment]
    """Maps the names of the checkout's environments to the environments."""
    unknown: CtgitopsError | None = None
    """Why the manifests of the base branch could not be read. None if they were read."""

    def of(self, environment: Environment) -> Database:
        """The environment's database, at the address in the base branch. Raises ForgeError, MustWaitError."""
        if self.unknown:
            raise self.unknown
        merged = self.environments.get(environment.name)
        if merged is None:
            what = f"{environment.name} has no manifest on the base branch, so the plan cannot connect to its database"
            raise MustWaitError(what, hint="merge its manifest first")
        return self.databases.of(replace(environment, url_secret=merged.url_secret))

    def predecessor(self, request: Request) -> Predecessor:
        """The ledger of the environment that `after` names, at the address in the base branch."""
        name = request.environment.after
        if name is None:
            return None
        try:
            environment = self.workspace.get(name)
            return (
                self.of(environment).ledger()
                if environment
                else Unreadable("it is not an environment of this repository", 2)
            )
        except CtgitopsError as error:
            return Unreadable(error.what, error.exit_status)

    def shadowed(self, request: Request) -> Request:
        """The request with the shadow settings of the base branch. Unmerged SQL then cannot choose the server."""
        merged = self.environments.get(request.environment.name)
        return request.copied_where(merged.shadow if merged else ShadowPolicy())

    def seen(self, result: PlanResult, request: Request, shadows: Shadows) -> PlanResult:
        """The plan for an empty database if the base branch lacks the environment. Otherwise returns `result`."""
        if isinstance(result, NotPlanned) and self.unknown is None and result.environment.name not in self.environments:
            return OfflinePlanner(shadows).preview_of_new(request)
        return result

    @property
    def problems(self) -> tuple[Problem, ...]:
        """A warning for each key of a database, server or backup location whose value differs from the base branch."""
        found = []
        for name, merged in self.environments.items():
            here = self.workspace.get(name)
            changed = [key for key, was, now in _reached(merged, here) if was != now] if here else []
            for key in changed:
                what = f"`{key}` of {name} differs from the base branch; this plan uses the value of the base branch"
                place = Place(here.path) if here else None
                found.append(Problem("not-merged", what, place, hint=NOT_MERGED, blocks=False))
        return tuple(found)


_NO_BACKUP = BackupPolicy("")


def _reached(merged: Environment, here: Environment) -> list[tuple[str, str | None, str | None]]:
    one, other = merged.backup, here.backup
    return [
        ("database.url", merged.url_secret, here.url_secret),
        ("shadow.url", merged.shadow.url_secret, here.shadow.url_secret),
        ("shadow.image", merged.shadow.image, here.shadow.image),
        ("backup.to", one.to if one else None, other.to if other else None),
        # The same bucket at another endpoint is another bucket, and another key lets another person read the rows
        ("backup.store", str((one or _NO_BACKUP).store), str((other or _NO_BACKUP).store)),
        ("backup.encrypt_to", str((one or _NO_BACKUP).encrypt_to), str((other or _NO_BACKUP).encrypt_to)),
        ("backup.verify_server", one.verify_server if one else None, other.verify_server if other else None),
    ]


def merged_at(
    forge: Forge | None, base: BaseCommit, folder: str, own: Databases, here: tuple[Environment, ...]
) -> Merged:
    """Reads the manifests of a commit through the API. After an error, the plan connects to no database."""
    by_name = {environment.name: environment for environment in here}
    if forge is None or not (base.sha or base.branch):
        what = "cannot read the manifests of the base branch: there is no GitHub token"
        hint = "leave the input `github-token` at its default; it needs `contents: read`"
        return Merged({}, own, by_name, ForgeError(what, hint=hint))
    try:
        sha = forge.tip_of(base.branch) if base.branch else base.sha
        files = _manifests(forge, sha, f"{folder}{FOLDER}")
    except CtgitopsError as error:
        what = f"cannot read the manifests of the base branch: {error.what}"
        return Merged({}, own, by_name, ForgeError(what, hint=error.hint))
    return Merged({e.name: e for e in environments_in(files)}, own, by_name)


def _manifests(forge: Forge, sha: str, folder: str) -> dict[str, bytes]:
    found = [file for file in forge.tree(sha, folder) if _is_manifest(file, folder)]
    if len(found) > MOST:
        hint = "divide the environments among several folders, and run one step per folder with the input `root`"
        raise ForgeError(f"the base branch has more than {MOST} manifests", hint=hint)
    return {file.path.removeprefix(f"{folder}/"): forge.blob(file.blob) for file in found}


def _is_manifest(file: TreeFile, folder: str) -> bool:
    name = file.path.removeprefix(f"{folder}/")
    return file.plain and file.size <= LARGEST and "/" not in name and name.endswith((".yaml", ".yml"))

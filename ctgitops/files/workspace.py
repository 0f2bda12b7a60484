"""Reads the workspace of a checkout: policy, migrations, manifests and seeds."""

from __future__ import annotations

from pathlib import Path

from ..core.workspace.workspace import Workspace
from ..errors import WorkspaceError
from .manifest import read_environments
from .migrations import FOLDER, read_migrations
from .policy import read_policy
from .repository import Repository
from .seeds import read_seeds


def read_workspace(root: Path) -> Workspace:
    """Reads the folder `root`, and collects all of its problems; read-only.

    Raises WorkspaceError only if nothing can be read.
    """
    if not root.is_dir():
        raise WorkspaceError(f"the folder `{root}` does not exist", hint="give the repository's root with `--root DIR`")
    repository = Repository(root)
    folder = root / FOLDER
    if not folder.is_dir() and not folder.is_symlink():
        hint = "run `ctgitops init` to create it, or give the repository's root with `--root DIR`"
        raise WorkspaceError(f"the folder `{folder}` does not exist", hint=hint)
    policy, policy_problems = read_policy(repository)
    migrations, migration_problems = read_migrations(repository, policy)
    environments, environment_problems = read_environments(repository)
    seeds, seed_problems = read_seeds(repository, environments, policy)
    return Workspace(
        migrations=migrations,
        environments=environments,
        seeds=seeds,
        policy=policy,
        read_problems=(*policy_problems, *migration_problems, *environment_problems, *seed_problems),
    )

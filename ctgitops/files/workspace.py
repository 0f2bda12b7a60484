"""Reads the workspace of a checkout: policy, migrations, manifests and seed files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.migration.migration import Seed
from ..core.problem import Problem
from ..core.workspace.repeatable import in_dependency_order
from ..core.workspace.workspace import Workspace
from ..errors import Place, WorkspaceError
from ..sql.script import Script
from .layout_reader import LayoutFiles, read_layout
from .manifest import read_environments
from .migrations import REPEATABLE, read_migrations, read_squashes
from .policy import read_policy
from .repository import Item, Repository, sub_folder

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.environment.policy import Policy


def read_workspace(root: Path) -> Workspace:
    """Reads the folder `root`, and collects all problems. Read-only.

    Raises WorkspaceError only if nothing can be read.
    """
    if not root.is_dir():
        raise WorkspaceError(f"the folder `{root}` does not exist", hint="give the repository's root with `--root DIR`")
    repository = Repository(root)
    policy, policy_problems = read_policy(repository)
    folder = root / policy.layout.folder
    if not folder.is_dir() and not folder.is_symlink():
        hint = "run `ctgitops init` to create the folder, or give the repository's root with `--root DIR`"
        raise WorkspaceError(f"the folder `{folder}` does not exist", hint=hint)
    found = read_migrations_of(repository, policy)
    environments, environment_problems = read_environments(repository)
    environments = tuple(
        replace(each, given=policy.given, freezes=(*policy.freezes, *each.freezes)) for each in environments
    )
    seeds, seed_problems = _read_seeds(repository, environments, policy)
    squashes, squash_problems = read_squashes(repository, policy) if policy.layout.is_own else ((), ())
    problems = (*policy_problems, *found.problems, *environment_problems, *seed_problems, *squash_problems)
    return Workspace(
        migrations=found.migrations,
        environments=environments,
        seeds=seeds,
        repeatable=in_dependency_order(found.repeatable),
        policy=policy,
        squashes=squashes,
        read_problems=tuple(dict.fromkeys(problems)),  # a link in the path is refused for each folder
    )


def read_migrations_of(repository: Repository, policy: Policy) -> LayoutFiles:
    """All migrations in the policy's folder, read in the layout that the policy names. Read-only."""
    if policy.layout.is_own:
        migrations, problems = read_migrations(repository, policy)
        more: list[Problem] = []
        items, refused = repository.items(f"{policy.layout.prefix}{REPEATABLE}")
        repeatable = tuple(seed for item in items if (seed := _seed(repository, item, policy, more)))
        found = dict.fromkeys((*problems, *refused, *more))  # a link in the path is refused for both folders
        return LayoutFiles(migrations, repeatable, tuple(found))
    return read_layout(repository, policy)


def _read_seeds(
    repository: Repository, environments: tuple[Environment, ...], policy: Policy
) -> tuple[dict[str, tuple[Seed, ...]], tuple[Problem, ...]]:
    """Maps environments to their seed files, and lists problems.

    The folders are in the order of the manifest. The files of a folder are sorted by name.
    """
    problems: list[Problem] = []
    found: dict[str, tuple[Seed, ...]] = {}
    for environment in environments:
        seeds: list[Seed] = []
        for folder in environment.seeds:
            items, refused = repository.items(folder)
            problems += refused
            seeds += [s for item in items if (s := _seed(repository, item, policy, problems))]
        found[environment.name] = tuple(seeds)
    return found, tuple(dict.fromkeys(problems))


def _seed(repository: Repository, item: Item, policy: Policy, problems: list[Problem]) -> Seed | None:
    if item.folder:
        problems.append(sub_folder(item, holds_sql=False))
        return None
    if not item.name.endswith(".sql"):
        if item.name.lower().endswith(".sql"):
            what = "the file extension `.sql` is not in lower case"
            problems.append(Problem("file-name", what, Place(item.path), "change the file extension to `.sql`"))
        return None
    text = repository.text(item.path, policy.max_file_bytes)
    if isinstance(text, Problem):
        problems.append(text)
        return None
    return Seed(item.path, Script(text, item.path))

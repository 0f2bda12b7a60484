"""Reads the seed files of each environment."""

from __future__ import annotations

from ..core.environment.environment import Environment
from ..core.environment.policy import Policy
from ..core.migration.migration import Seed
from ..core.problem import Problem
from ..errors import Place
from ..sql.script import Script
from .repository import Item, Repository, sub_folder


def read_seeds(
    repository: Repository, environments: tuple[Environment, ...], policy: Policy
) -> tuple[dict[str, tuple[Seed, ...]], tuple[Problem, ...]]:
    """Seed files by environment: folders in the manifest's order, files by name."""
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
            problems.append(Problem("file-name", what, Place(item.path), "rename it to end in `.sql`"))
        return None
    text = repository.text(item.path, policy.max_file_bytes)
    if isinstance(text, Problem):
        problems.append(text)
        return None
    return Seed(item.path, Script(text, item.path))

"""CLI commands that create files: init, new, demo."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ForgeError
from ..files.first_files import difference, first_files, overwrite
from ..files.layout_search import search_layouts, settings_at
from ..files.policy import PATH, layout_of
from ..files.scaffold import (
    GITIGNORE,
    Change,
    NewFile,
    Order,
    ignore_backups,
    new_migration,
    with_parts,
    write_files,
)
from ..layouts.choice import chosen_layout, refusal
from ..layouts.configuration import ToolEnvironment, ToolSettings
from ..wiring.wiring import Wiring
from . import options
from .printing import print_page

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..layouts.search import FoundLayout

OF_WORKFLOWS = ("plan", "backups")
"""Environments on GitHub that only hold the secrets of workflows. They are not databases."""
MINIMUM_TO_CHOOSE = 2
"""The number of found folders from which init asks which one to use."""


@click.command()
@click.option(
    "--history-pages",
    is_flag=True,
    help="Also write a workflow that publishes `ctgitops history` on GitHub Pages. First check who can "
    "read your Pages.",
)
@click.option(
    "--workflows/--no-workflows",
    default=None,
    help="Write the workflows for GitHub Actions, or do not.  [default: if the remote `origin` is on GitHub, or "
    ".github/ exists]",
)
@click.option(
    "--forks/--no-forks",
    default=None,
    help="Also write the workflow that plans pull requests from forks, or do not.  [default: if GitHub says that the "
    "repository is public]",
)
@options.root_to_begin
@click.option(
    "--migrations",
    metavar="FOLDER",
    help="The folder with the migrations, if the repository has several.  [default: the only folder found]",
)
@click.option("--yes", is_flag=True, help="Overwrite existing files whose text differs. Without it, init asks first.")
def init(  # noqa: PLR0913 - one parameter per option
    root: Path,
    migrations: str | None,
    *,
    history_pages: bool,
    workflows: bool | None,
    forks: bool | None,
    yes: bool,
) -> int:
    """Create a policy, the manifests and the workflows for a repository.

    Finds the migrations of this and of other tools anywhere below the root, and reads the tool's configuration. The
    policy fits these migrations. Shows a diff before it overwrites a file. Backup folders inside the repository are
    added to .gitignore.
    """
    found, code = search_layouts(root)
    # A policy without migrations, as of a repository that another tool still manages, does not decide the folder
    known = (root / PATH).exists() and (not found or any((root / layout_of(root).folder).rglob("*.sql")))
    migrations = migrations or (layout_of(root).folder if known else None)
    if not known and (refused := refusal(found, code, migrations)):
        migrations = _asked(found)
        if migrations is None:
            print_page(refused)
            return 1
    chosen = chosen_layout(found, migrations)
    settings = _with_github(root, settings_at(root, chosen) if chosen else ToolSettings())
    if chosen or settings.sources or settings.notes:
        said = [f"found {chosen}"] if chosen else []
        print_page("\n".join((*said, *(f"read {path}" for path in settings.sources), *settings.notes)))
    (root / PATH).parent.mkdir(parents=True, exist_ok=True)
    files = first_files(root, chosen, settings)
    written = [f"wrote {path}" for path in write_files(root, files)]
    # Without a folder that the search finds, the new policy would describe no migrations
    written += [f"overwrote {path}" for path in _overwritten(root, files, yes=yes)] if chosen or not known else []
    environments = Wiring(root).environments
    written += _history_page(root, environments) if history_pages else []
    to_do = ""
    if workflows is not False:
        of_workflows, to_do = _workflows(root, environments, wanted=workflows, forks=forks, yes=yes)
        written += of_workflows
    folders = tuple(e.backup.to for e in environments if e.backup)
    written += [f"added {pattern} to {GITIGNORE}" for pattern in ignore_backups(root, folders)]
    print_page("\n".join(written) or "nothing to do: all files exist")
    if to_do:
        print_page(to_do)
    return 0


def _history_page(root: Path, environments: tuple[Environment, ...]) -> list[str]:
    from .. import __version__
    from ..files.history_workflow import history_workflow

    return [f"wrote {path}" for path in write_files(root, (history_workflow(environments, __version__),))]


def _workflows(
    root: Path, environments: tuple[Environment, ...], *, wanted: bool | None, forks: bool | None, yes: bool
) -> tuple[list[str], str]:
    """Writes the workflows. Returns a line for each file, and the text about the setup on GitHub if one was written."""
    from .workflow_setup import wants_workflows, workflow_setup

    if wanted is None and not wants_workflows(root):
        return [], ""
    if not environments:
        return ["wrote no workflow, because there is no valid manifest: run `ctgitops check`"], ""
    setup = workflow_setup(root, environments, forks=forks)
    if wanted is None and setup.others:
        why = f"wrote no workflow, because {setup.others[0]} already runs ctgitops"
        return [f"{why}; to replace it, delete it and run `ctgitops init --workflows`"], ""
    written = [f"wrote {path}" for path in write_files(setup.top, setup.files)]
    written += [f"overwrote {path}" for path in _overwritten(setup.top, setup.files, yes=yes)]
    return written, setup.text if written else ""


def _with_github(root: Path, settings: ToolSettings) -> ToolSettings:
    """The settings with the environments of the repository on GitHub, if the tool's own files do not name several."""
    from ..wiring.examinations import checks_on_github

    if len(settings.environments) > 1:
        return settings
    try:
        listed = checks_on_github(root, os.environ).environment_names()
    except ForgeError as error:
        return replace(settings, notes=(*settings.notes, f"the environments on GitHub were not read: {error.what}"))
    names = [name for name in listed if name not in OF_WORKFLOWS]
    if len(names) <= 1:
        return settings
    known = {each.name: each for each in settings.environments}
    found = tuple(known.get(name, ToolEnvironment(name)) for name in names)
    return replace(settings, environments=found, sources=(*settings.sources, "the environments on GitHub"))


def _asked(found: tuple[FoundLayout, ...]) -> str | None:
    """The folder that the user chooses in a terminal. None without a terminal."""
    if len(found) < MINIMUM_TO_CHOOSE or not sys.stdin.isatty():
        return None
    for number, each in enumerate(found, start=1):
        click.echo(f"  {number}  {each}")
    chosen: int = click.prompt("Which folder has the migrations of this database?", type=click.IntRange(1, len(found)))
    return found[chosen - 1].folder


def _overwritten(root: Path, files: tuple[NewFile, ...], *, yes: bool) -> Iterator[str]:
    """Overwrites the files that differ, after it has shown the differences. Yields their paths."""
    changed = [(file, text) for file in files if (text := difference(root, file))]
    if not changed:
        return
    print_page("\n".join(text for _, text in changed))
    if not yes and not sys.stdin.isatty():
        print_page("kept the existing files; `ctgitops init --yes` overwrites them")
        return
    if yes or click.confirm(f"Overwrite {len(changed)} existing files?"):
        for file, _ in changed:
            overwrite(root, file)
            yield file.path


@click.command()
@click.argument("words", nargs=-1)
@click.option("--band", help="Band to take the next number from.  [default: the band of the highest migration]")
@click.option(
    "--breaking", "change", flag_value=Change.BREAKING.value, help="The migration breaks current users of the schema."
)
@click.option("--fix", "change", flag_value=Change.FIX.value, help="The migration is a correction and adds nothing.")
@click.option(
    "--before",
    type=click.IntRange(0),
    metavar="NUMBER",
    help="Where NUMBER is still pending, apply the new migration before it. Use this, for example, if NUMBER fails on "
    "existing rows.",
)
@click.option(
    "--renumber",
    metavar="MIGRATION",
    help="Create no file. Renumber this migration (file, name or number) and later ones of the branch to the next "
    "free numbers and versions.",
)
@click.option("--base", metavar="BRANCH", help="With --renumber: the branch to merge into.  [default: origin/HEAD]")
@click.option(
    "--expand",
    "sentence",
    metavar="SENTENCE",
    help="Write the migrations that expand and contract the schema, for a sentence such as 'rename column "
    "public.projects.name to title'. `--expand help` prints all sentences.",
)
@click.option(
    "--env",
    "name",
    shell_complete=options.environment_names,
    help="With --expand: read the table from this environment's database.  [default: run all files in a throw-away "
    "database]",
)
@click.option(
    "--remove-after",
    metavar="VERSION|DAY",
    help="With --expand: when the old form may be dropped.  [default: in 30 days]",
)
@options.root
def new(  # noqa: PLR0913, PLR0917 - one parameter per option
    words: tuple[str, ...],
    band: str | None,
    change: str | None,
    before: int | None,
    renumber: str | None,
    base: str | None,
    sentence: str | None,
    name: str | None,
    remove_after: str | None,
    root: Path,
) -> int:
    """Create a migration and its rollback file.

    The migration gets the next number and version, a filled-in header, and the headings of its nine parts.
    """
    wiring = Wiring(root)
    if sentence is not None:
        if words or change or before is not None or renumber is not None:
            raise click.UsageError("--expand cannot be combined with words, --breaking, --fix, --before or --renumber")
        from .expansion import write_expansion

        return write_expansion(wiring, sentence, (band, name, remove_after))
    if name or remove_after:
        raise click.UsageError("--env and --remove-after need --expand")
    if renumber is not None:
        if words or band or change or before is not None:
            raise click.UsageError("--renumber cannot be combined with words, --band, --breaking, --fix or --before")
        return _renumber(wiring, renumber, base)
    if not words:
        raise click.UsageError("describe the migration in a few words, or give an existing one with --renumber")
    kind = Change(change) if change else Change.ADDITIVE
    order = Order(" ".join(words), wiring.origin.actor, datetime.now(UTC), kind, band, before=before)
    files = new_migration(wiring.workspace, order)
    if wiring.workspace.policy.layout.is_own:
        files = (with_parts(files[0]), *files[1:])
    written = write_files(root, files)
    print_page("\n".join(f"wrote {path}" for path in written))
    return 0


def _renumber(wiring: Wiring, wanted: str, branch: str | None) -> int:
    from ..commands.new import renumber as verb
    from ..core.workspace.numbering import BaseBranch
    from ..files.git import base_of, required_base
    from ..files.renumber import renumber
    from ..report.renumber import renumbering_text

    base = required_base(wiring.root, branch, "--base") if branch else base_of(wiring.root)
    decided = verb(wiring.workspace, wanted, base or BaseBranch(""), databases=wiring.databases)
    files = renumber(wiring.root, decided.moves, decided.others)
    pairs = tuple((file.before, file.after) for file in files)
    print_page(renumbering_text(pairs, decided.moves, base.name if base else "", decided.unseen))
    return 0


@click.command()
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    help="Folder for the files that the demo creates.",
    show_default=True,
)
def demo(into: Path) -> int:
    """Play the whole workflow on an embedded PostgreSQL.

    A pull request, a merge, a release and a rollback.
    """
    from ..demo.story import play

    return play(into)

"""Plays the demo: the plan of a pull request, a merge for staging, a tag for production, and a rollback."""

from __future__ import annotations

import json
import shutil
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import click

from ..commands.apply import apply
from ..commands.plan import plan
from ..commands.rollback import RollbackExtent, rollback
from ..commands.status import status
from ..core.forge.event import Ignored, Refused
from ..core.forge.intent import Applying, Planning, decide
from ..core.gate.request import Origin
from ..core.run.outcome import Outcome, Status
from ..core.run.progress import Progress
from ..core.view.pull_request_record import MigrationRef, record_of
from ..errors import CtgitopsError
from ..github.event import read_event
from ..postgres.catalog.exported_snapshot import exported_snapshot, portable_hash
from ..postgres.server.local_server import LocalServer
from ..postgres.server.programs import server_for
from ..report.json import plans_json
from ..report.markdown import plans_markdown
from ..report.outcome_text import outcome_text
from ..report.record import record_markdown
from ..report.text import plans_text
from ..report.text_status import statuses_text
from ..wiring.wiring import Wiring
from . import repository

LAST_ON_MAIN = 202
"""The last migration that is applied before the pull request."""

REPOSITORY = "constructtrack/database"
"""The repository's name in the payloads of the demo's events."""

MADE = ".made-by-ctgitops-demo"
"""The name of a file that marks the demo's folders. The demo empties only marked folders."""


@dataclass(frozen=True)
class Stage:
    """The checkout, its wiring to two databases, and the folder for all results."""

    into: Path
    environ: dict[str, str]

    @property
    def root(self) -> Path:
        """The checkout."""
        return self.into / "repository"

    def wiring(self) -> Wiring:
        """The wiring for the current state of the checkout."""
        return Wiring(self.root, self.environ)

    def keep(self, name: str, text: str) -> None:
        """Writes a result for the user to look at."""
        (self.into / name).write_text(text, encoding="utf-8")

    def schema_of(self, name: str) -> str:
        """Returns the fingerprint of an environment's current schema."""
        wiring = self.wiring()
        environment = wiring.environment(name)
        with exported_snapshot(wiring.addresses.named(environment.url_secret, name)) as snapshot:
            return portable_hash(snapshot.inventory(exact=True))


def play(into: Path) -> int:
    """Plays the whole story in an empty folder. The servers are removed at the end, even after an error."""
    began = time.monotonic()
    _empty(into)
    with _stage(into) as stage:
        _main_branch(stage)
        _pull_request(stage)
        _merge(stage)
        before = stage.schema_of("production")
        _release(stage)
        _roll_back(stage, before)
        _show_status(stage)
    click.echo(f"\nThe demo took {time.monotonic() - began:.0f} s. Its files are in {into}/:")
    for path in sorted(into.glob("[!.]*")):
        click.echo(f"  {path}")
    return 0


@contextmanager
def _stage(into: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        programs = server_for()
        server = stack.enter_context(LocalServer(programs))
        click.echo(f"PostgreSQL {programs.version} is running, with two empty databases: staging and production.")
        names = {"STAGING_DATABASE_URL": "staging", "PRODUCTION_DATABASE_URL": "production"}
        environ = {secret: server.create_database(name).url for secret, name in names.items()}
        environ["GITHUB_ACTOR"] = "anna-lindqvist"
        yield Stage(into, environ)


def _empty(into: Path) -> None:
    """Empties a folder that an earlier demo created. Leaves any other folder alone."""
    if into.exists() and any(into.iterdir()) and not (into / MADE).is_file():
        raise click.BadParameter(
            f"{into} contains files that a demo did not create; give another folder", param_hint="--into"
        )
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    (into / MADE).touch()


def _act(title: str, words: str) -> None:
    click.echo()
    click.secho(f"== {title}", bold=True)
    click.echo(textwrap.fill(words, 100))
    click.echo()


def _main_branch(stage: Stage) -> None:
    words = (
        "Both databases get the twelve migrations of the main branch, row-level security included. Production also "
        "gets the data that customers have entered since then."
    )
    _act("Before", words)
    repository.main_branch(stage.root)
    for name in ("staging", "production"):
        outcome = _applied(stage, name, quiet=True)
        click.echo(f"  {name}: {len(outcome.done)} files, version {outcome.plan.target_version}")


def _payload(name: str) -> dict[str, object]:
    text = (files("ctgitops") / "demo" / "events" / f"{name}.json").read_text(encoding="utf-8")
    payload: dict[str, object] = json.loads(text)
    return payload


def _intent_of(stage: Stage, event: str) -> Planning | Applying:
    """Returns what the Action would do in this repository for the payload of a GitHub event."""
    happened = read_event(event, _payload(event))
    if isinstance(happened, Ignored | Refused):
        raise CtgitopsError(f"the payload of {event} is ignored: {happened.why}")
    asked = decide(happened, stage.wiring().workspace.environments)
    if not isinstance(asked, Planning | Applying):
        raise CtgitopsError(f"the payload of {event} is neither a plan nor an apply: {asked}")
    return asked


def _pull_request(stage: Stage) -> None:
    added = " and ".join(name for name in repository.pull_request(stage.root) if name.count(".") == 1)
    words = (
        f"The pull request adds {added}. GitHub sends `pull_request`: the plan of each environment "
        "is posted as a comment, and no database is changed."
    )
    _act("1. A pull request", words)
    asked = _intent_of(stage, "pull_request")
    wiring = stage.wiring()
    requests = tuple(wiring.request(each.name) for each in asked.environments)
    results = plan(requests, databases=wiring.databases, code=wiring.code, shadows=wiring.shadows)
    click.echo(plans_text(results))
    stage.keep("comment.md", plans_markdown(results, _origin(stage, asked)))
    stage.keep("plan.json", plans_json(results))


def _origin(stage: Stage, asked: Planning | Applying) -> Origin:
    """Returns the origin of a run for the pull request: its repository, commit and number."""
    origin = replace(stage.wiring().origin, repository_url=f"https://github.com/{REPOSITORY}")
    if isinstance(asked, Planning):
        return replace(origin, commit_sha=asked.sha, pull_request=asked.pull_request)
    return origin


def _record(stage: Stage, outcome: Outcome) -> str:
    """Returns the text of the pull request comment after `outcome`."""
    wiring = stage.wiring()
    environments = tuple(wiring.environment(name) for name in wiring.environment_names)
    ledgers = {environment.name: wiring.databases.of(environment).ledger() for environment in environments}
    wanted = [MigrationRef(step.number, step.name, step.version) for step in outcome.plan.steps]
    return record_markdown(record_of(wanted, environments, ledgers), {outcome.plan.environment: outcome}, wiring.origin)


def _merge(stage: Stage) -> None:
    words = (
        "The pull request is merged. GitHub sends `push` for the default branch, and staging is migrated: each "
        "migration and its ledger entry are one transaction, verified before its commit."
    )
    _act("2. The merge", words)
    _deploy(stage, "push", "comment-merged.md")


def _release(stage: Stage) -> None:
    words = (
        "A release is published. Production gets only migrations that staging has. First a backup is taken and "
        "restored into a throw-away server, where rows are counted and the schema is compared."
    )
    _act("3. The tag", words)
    _deploy(stage, "release", "comment-released.md")


def _deploy(stage: Stage, event: str, comment: str) -> None:
    """Applies to the environments that an event names, and writes the resulting comment to a file."""
    for environment in _intent_of(stage, event).environments:
        outcome = _applied(stage, environment.name)
        click.echo(outcome_text(outcome))
        stage.keep(comment, _record(stage, outcome))


def _roll_back(stage: Stage, before: str) -> None:
    words = (
        f"`ctgitops rollback --env production --to {LAST_ON_MAIN}` runs the rollback SQL from the ledger, newest "
        "first, after another backup. The schema must then be the same as before the tag."
    )
    _act("4. The rollback", words)
    wiring = stage.wiring()
    request = wiring.request("production")
    with wiring.console() as tell:
        outcome = rollback(
            request, RollbackExtent(to=LAST_ON_MAIN), databases=wiring.databases, backups=wiring.backups, tell=tell
        )
    click.echo(outcome_text(outcome))
    after = stage.schema_of("production")
    if after != before:
        raise CtgitopsError(
            f"production's schema is {after[:12]} after the rollback, but was {before[:12]} before the tag"
        )
    click.echo(f"  production's schema is the same as before the tag: {after[:12]}")


def _show_status(stage: Stage) -> None:
    _act(
        "5. The status",
        "Staging is ahead, production is rolled back, and both ledgers record who did what, when and why.",
    )
    wiring = stage.wiring()
    requests = tuple(wiring.request(name) for name in wiring.environment_names)
    page = statuses_text(status(requests, databases=wiring.databases))
    click.echo(page)
    stage.keep("status.txt", page)


def _applied(stage: Stage, name: str, *, quiet: bool = False) -> Outcome:
    wiring = stage.wiring()
    request = wiring.request(name)
    if quiet:
        request = replace(request, environment=replace(request.environment, backup=None))
    with nullcontext(_silence) if quiet else wiring.console() as tell:
        outcome = apply(request, databases=wiring.databases, backups=wiring.backups, tell=tell)
    if outcome.status is not Status.APPLIED:
        click.echo(outcome_text(outcome))
        raise CtgitopsError(f"{name} was not applied: {outcome.status}")
    return outcome


def _silence(_progress: Progress) -> None:
    """A listener that shows nothing, for applying the migrations of the main branch."""

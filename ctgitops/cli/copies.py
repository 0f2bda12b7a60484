"""CLI commands for throw-away copies of an environment: try and shell."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import Place, UsageError, WorkspaceError
from ..wiring.wiring import Wiring
from . import options
from .log_lines import say
from .printing import print_page

if TYPE_CHECKING:
    from ..core.environment.policy import Policy
    from ..core.environment.project_test import ProjectTest
    from ..core.gate.request import Request
    from ..core.trial.schema_artifact import TargetSchema

PSQL_VARIABLES = ("PSQLRC", "PSQL_HISTORY", "PSQL_PAGER", "PSQL_EDITOR", "PAGER", "EDITOR", "VISUAL", "COLUMNS")
POLICY = "migrations/policy.yaml"
MOST_SECONDS = 24 * 3600
LONGEST_NAME = 80
"""The number of characters of a command that pages show as the name of its test."""

source_option = click.option(
    "--from",
    "artifact",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Copy the schema in this file, which `ctgitops schema` wrote, without access to the environment's database.",
)
role_option = click.option(
    "--role", default="", help="The role of the connections.  [default: the role that applies migrations]"
)


@click.command("try")
@options.environment
@source_option
@click.option(
    "--time-limit",
    type=options.Seconds(0.1, MOST_SECONDS),
    default=600,
    show_default=True,
    help="Seconds after which a command is ended.",
)
@click.option(
    "--keep-env",
    metavar="NAME",
    multiple=True,
    help="Pass on this environment variable to the command. Can be repeated. Secrets of the manifests are refused.",
)
@click.option("--tests", "of_policy", is_flag=True, help="Run the `tests` of the policy, each on its own copy.")
@role_option
@options.target
@options.root
@options.as_data
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def try_(  # noqa: PLR0913 - one parameter per option
    *,
    name: str,
    artifact: Path | None,
    time_limit: float,
    keep_env: tuple[str, ...],
    of_policy: bool,
    role: str,
    target: str | None,
    root: Path,
    form: str,
    command: tuple[str, ...],
) -> int:
    """Run a command on a throw-away copy with the pending migrations and the seed files.

    COMMAND is a program with its arguments, such as `-- pytest tests/db`. Its environment contains DATABASE_URL,
    PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE. The copy is removed when the command ends. Exit status 1: the
    command failed.
    """
    from ..commands.try_ import TryWork
    from ..commands.try_ import try_ as verb
    from ..report.command_result import try_json, try_text

    if bool(command) == of_policy:
        raise click.UsageError("name a command after `--`, such as `-- pytest tests/db`, or give `--tests`")
    wiring = Wiring(root)
    request = wiring.request(name, target=target)
    tests = _tests_of(wiring, keep_env) if of_policy else (_single(command, keep_env),)
    commands = wiring.commands(captured=of_policy or form == "json")
    outcome = verb(
        request,
        target_schema(wiring, request, artifact),
        TryWork(tests, time_limit, role),
        copies=wiring.shadows,
        commands=commands,
    )
    if form == "json":
        print_page(try_json(outcome), "json")
    else:
        print_page(try_text(outcome)) if of_policy else say(try_text(outcome))
    return outcome.exit_status


@click.command()
@options.environment
@click.option(
    "--copy",
    "of_copy",
    is_flag=True,
    required=True,
    help="Open the session on a throw-away copy. Required: ctgitops never opens a session on a real database.",
)
@source_option
@role_option
@options.target
@options.root
def shell(  # noqa: PLR0913 - one parameter per option
    *, name: str, of_copy: bool, artifact: Path | None, role: str, target: str | None, root: Path
) -> int:
    """Open psql on a throw-away copy with the pending migrations and the seed files.

    The copy is the same as for `try`, and is removed when psql ends. Exit status 1: psql reported an error.
    """
    from ..commands.try_ import TryWork
    from ..commands.try_ import try_ as verb

    assert of_copy  # noqa: S101 - click requires the flag
    wiring = Wiring(root)
    request = wiring.request(name, target=target)
    work = TryWork((_single(("psql",), PSQL_VARIABLES),), MOST_SECONDS, role)
    commands = wiring.commands(interactive=True)
    outcome = verb(request, target_schema(wiring, request, artifact), work, copies=wiring.shadows, commands=commands)
    return outcome.exit_status


def _single(command: tuple[str, ...], keep_env: tuple[str, ...]) -> ProjectTest:
    from ..core.environment.project_test import ProjectTest

    return ProjectTest(shlex.join(command)[:LONGEST_NAME], command, keep_env)


def _tests_of(wiring: Wiring, keep_env: tuple[str, ...]) -> tuple[ProjectTest, ...]:
    """The tests of the policy. Raises WorkspaceError if the policy has none, or is not valid.

    Empty for a policy that has only benchmarks, for which the same job of a workflow runs.
    """
    policy = valid_policy(wiring)
    if not policy.tests and not policy.benchmarks:
        hint = "add the key `tests` to the policy, or name a command after `--`"
        raise WorkspaceError("the policy has no tests", place=Place(POLICY), hint=hint)
    return tuple(replace(test, keep_env=(*test.keep_env, *keep_env)) for test in policy.tests)


def valid_policy(wiring: Wiring) -> Policy:
    """The policy. Raises WorkspaceError if it is not valid, because invalid keys are left out."""
    workspace = wiring.workspace
    for problem in workspace.read_problems:
        if problem.blocks and problem.place and problem.place.path == POLICY:
            raise WorkspaceError(problem.what, place=problem.place, hint=problem.hint)
    return workspace.policy


def target_schema(wiring: Wiring, request: Request, artifact: Path | None) -> TargetSchema:
    """The schema to copy: that of an artifact, or that of the environment's database."""
    if artifact is None:
        from ..commands.schema import schema as read

        return read(request, databases=wiring.databases)
    from ..core.trial.schema_artifact import target_from

    try:
        text = artifact.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {artifact}: {error}", hint="name a file that `ctgitops schema` wrote") from None
    return target_from(text, str(artifact), request.environment.name, request.workspace.migrations)

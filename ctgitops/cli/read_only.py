"""CLI commands that change nothing: check, plan, status."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..notify.telemetry import current
from ..wiring.wiring import Wiring
from . import options
from .printing import print_page, print_unread, width_of

if TYPE_CHECKING:
    from ..core.problem import Problem
    from ..core.workspace.finding import Finding


@click.command()
@click.option(
    "--changed",
    metavar="BASE",
    is_flag=False,
    flag_value="",
    help="Lint only files that differ from a branch, tag or commit.  [default of BASE: origin/HEAD, main]",
)
@click.option(
    "--fix",
    is_flag=True,
    help="First correct problems that have exactly one fix, in files that BASE does not have. Writes files.",
)
@options.root
@options.as_check
def check(root: Path, form: str, changed: str | None, *, fix: bool) -> int:
    """Check the migration files, without a database.

    Checks names, numbers, headers, dependencies and syntax, and lints each statement.
    """
    from ..commands.check import check as verb
    from ..commands.check import exit_status, lint
    from ..files.git import merged_files
    from ..files.removal import removals

    wiring, only = Wiring(root), None
    if fix or changed is not None:
        from ..files.git import changed_since, required_base
        from .fix_files import apply_fixes

        base = required_base(root, changed or None, "--changed")
        if fix:
            for line in apply_fixes(root, base):
                click.echo(line, err=True)
            wiring = Wiring(root)
        only = None if changed is None else changed_since(root, base)
    problems = verb(wiring.workspace, removals(root), merged_files(root))
    findings = lint(wiring.workspace, wiring.today, only)
    print_page(_check_page(wiring, form, problems, findings), form)
    return exit_status(problems, findings)


def _check_page(wiring: Wiring, form: str, problems: tuple[Problem, ...], findings: tuple[Finding, ...]) -> str:
    if form == "json":
        from ..report.json import check_json

        return check_json(wiring.workspace, problems, findings)
    if form == "sarif":
        from ..report.sarif import check_sarif

        return check_sarif(problems, findings, wiring.origin.folder)
    if form == "github":
        from ..report.workflow_commands import check_github

        return check_github(problems, findings, wiring.origin.folder)
    if form == "markdown":
        from ..report.markdown import check_markdown

        return check_markdown(wiring.workspace, problems, findings)
    from ..report.text import check_text

    return check_text(wiring.workspace, problems, findings)


@click.command()
@options.any_environment
@options.target
@options.root
@options.as_page
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Also write the plan as JSON to this file."
)
@click.option("--no-shadow", is_flag=True, help="Skip the trial on a throw-away copy of the schema.")
def plan(  # noqa: PLR0913 - one parameter per option
    *, name: str | None, target: str | None, root: Path, form: str, out: Path | None, no_shadow: bool
) -> int:
    """Show what `apply` would do, without changing anything."""
    from ..commands.plan import plan as verb
    from ..core.view.verdict import exit_status
    from ..report.json import plan_json, plans_json

    wiring = Wiring(root)
    names = [name] if name else wiring.environment_names
    requests = tuple(wiring.request(each, target=target) for each in names)
    shadows = None if no_shadow else wiring.shadows
    with current().block("plan"):
        results = verb(requests, databases=wiring.databases, code=wiring.code, shadows=shadows)
    data = plan_json(results[0]) if name else plans_json(results)
    if out:
        wiring.write(out, data)
    if form == "json":
        page = data
    elif form == "markdown":
        from ..report.markdown import plans_markdown

        page = plans_markdown(results, wiring.origin)
    else:
        from ..report.text import plans_text

        page = plans_text(results, width_of(sys.stdout))
    print_page(page, form)
    return exit_status(results)


@click.command()
@options.any_environment
@options.root
@options.as_page
def status(name: str | None, root: Path, form: str) -> int:
    """Show the state of each migration in each environment.

    Exit status 1: the last run failed, and nothing was applied, rolled back or repaired since.
    """
    from ..commands.status import status as verb
    from ..core.view.status import exit_status

    wiring = Wiring(root)
    requests = tuple(wiring.request(each) for each in ([name] if name else wiring.environment_names))
    statuses = verb(requests, databases=wiring.databases)
    if form == "json":
        from ..report.status_json import status_json

        page = status_json(statuses)
    elif form == "markdown":
        from ..report.markdown import statuses_markdown

        page = statuses_markdown(statuses)
    else:
        from ..report.text_status import statuses_text

        page = statuses_text(statuses, width_of(sys.stdout))
    print_page(page, form)
    return print_unread(wiring.workspace, name, exit_status(statuses))

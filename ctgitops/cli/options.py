"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

root: Decorator = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The repository's root, with migrations/ and environments/.  [default: here]",
)
environment: Decorator = click.option("--env", "name", required=True, help="The environment, as its manifest names it.")
any_environment: Decorator = click.option("--env", "name", help="One environment.  [default: all of them]")
as_data: Decorator = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="How it is printed on stdout."
)
as_page: Decorator = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    help="How it is printed on stdout.",
)
as_check: Decorator = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json", "sarif", "github"]),
    default="text",
    help="How it is printed on stdout; `sarif` for code scanning, `github` for remarks on lines.",
)
target: Decorator = click.option(
    "--to", "target", metavar="MIGRATION", help="`latest`, a schema version (1.4.0), a number (008), a name or a file."
)
approved: Decorator = click.option(
    "--fingerprint", metavar="HEX", help="Refuse any other plan than this one (12 digits of it or more)."
)
wait: Decorator = click.option(
    "--wait", type=click.FloatRange(0), default=300, show_default=True, help="Seconds to wait for another run to end."
)

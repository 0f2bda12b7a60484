"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..files.root import enclosing_root, find_root
from .log_lines import say

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


LONGEST = 10**9


class Seconds(click.FloatRange):
    """A number of seconds, within a range. Refuses `nan` and `inf`, which FloatRange accepts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number. Raises BadParameter."""
        seconds = float(super().convert(value, param, ctx))
        if not abs(seconds) <= LONGEST:
            self.fail(f"{value} is not a number of seconds up to {LONGEST}", param, ctx)
        return seconds


def _found(ctx: click.Context, _: click.Parameter, given: Path | None, *, find: Callable[[Path], Path]) -> Path:
    """Returns the folder `given`, or the result of `find`. Prints the folder if it is not the current folder."""
    here = Path()
    if given is not None or (root := find(here)) == here:
        return given or here
    if not ctx.resilient_parsing and ctx.meta.setdefault("root", None) != root:  # a group and its command look for it
        ctx.meta["root"] = root
        say(f"using the root {root}")
    return Path(os.path.relpath(root))


def environment_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Environment names for shell completion. They are the file names of the manifests."""
    root = ctx.params.get("root") or find_root(Path())
    try:
        files = [path for path in (root / "environments").iterdir() if path.suffix in {".yaml", ".yml"}]
    except OSError:
        return []
    return sorted(path.stem for path in files if path.stem.startswith(incomplete) and path.stem.isprintable())


_FOLDER = click.Path(path_type=Path, file_okay=False)
root: Decorator = click.option(
    "--root",
    type=_FOLDER,
    callback=partial(_found, find=find_root),
    help="Root of the repository, with migrations/ and environments/.  [default: the current folder, or its nearest "
    "parent that has them]",
)
root_to_begin: Decorator = click.option(
    "--root",
    type=_FOLDER,
    callback=partial(_found, find=enclosing_root),
    help="Folder in which to create migrations/ and environments/.  [default: the current folder]",
)
environment: Decorator = click.option(
    "--env", "name", required=True, shell_complete=environment_names, help="The environment, as named in its manifest."
)
any_environment: Decorator = click.option(
    "--env", "name", shell_complete=environment_names, help="One environment.  [default: all]"
)
as_data: Decorator = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="Output format."
)
as_page: Decorator = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    help="Output format.",
)
as_check: Decorator = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json", "sarif", "github"]),
    default="text",
    help="Output format; `sarif` for code scanning, `github` for annotations on lines.",
)
log_format: Decorator = click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    expose_value=False,
    help="Format of progress and errors on standard error; `json` for one object per line.",
)
target: Decorator = click.option(
    "--to",
    "target",
    metavar="MIGRATION",
    help="Last migration to apply: `latest`, a schema version (1.4.0), a number (008), a name or a file.  "
    "[default: the manifest's `target`]",
)
approved: Decorator = click.option(
    "--fingerprint", metavar="HEX", help="Apply only a plan with this fingerprint (12 or more digits)."
)
wait: Decorator = click.option(
    "--wait", type=Seconds(0), default=300, show_default=True, help="Seconds to wait for the run lock."
)
identity: Decorator = click.option(
    "--identity",
    default="",
    metavar="FILE",
    help="Private key of an encrypted backup: a file, or $NAME of an environment variable that contains it. "
    "Default: $CTGITOPS_IDENTITY, or the file in $CTGITOPS_IDENTITY_FILE.",
)

"""Prints results to stdout and errors to stderr, with the terminal's colours and width."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, TextIO

import click

from ..errors import CtgitopsError, WorkspaceError
from ..lazy import regex
from .log_lines import as_json_lines, error_line, say

if TYPE_CHECKING:
    from ..core.workspace.workspace import Workspace


def print_page(text: str, form: str = "text") -> None:
    """Prints a result on stdout, in colour if the format is text and stdout is a terminal."""
    _echo(text, sys.stdout, colour=form == "text" and has_colour(sys.stdout))


def _echo(text: str, stream: TextIO, *, colour: bool) -> None:
    click.echo(coloured(text) if colour else text, stream, nl=not text.endswith("\n"), color=colour)


def print_error(error: CtgitopsError) -> None:
    """Prints an error on stderr. `--format json` also prints a JSON document on stdout."""
    from ..report.text_error import error_text

    if as_json_lines():
        error_line(error)
    else:
        _echo(error_text(error), sys.stderr, colour=has_colour(sys.stderr))
    if _asked_for_json():
        from ..report.json import error_json

        print_page(error_json(error), "json")


def print_unread(workspace: Workspace, name: str | None, status: int) -> int:
    """Prints the problems of unreadable manifests on stderr. Returns `status`, or at least 3 with such problems."""
    from ..report.problem_text import problem_lines

    problems = [p for p in workspace.read_problems if p.blocks and p.place and p.place.path.startswith("environments/")]
    own = [p for p in problems if name is None or (p.place and PurePath(p.place.path).stem == name)]
    for problem in own:
        if as_json_lines():
            say(f"{problem.place}: {problem.what}", "warning", problem.code)
            continue
        _echo("\n".join(problem_lines(problem)), sys.stderr, colour=has_colour(sys.stderr))
    return max(status, WorkspaceError.exit_status) if own else status


def _asked_for_json() -> bool:
    arguments = sys.argv[1:]
    return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)


_RESET = "\x1b[0m"
_RED, _YELLOW, _GREEN, _CYAN = "\x1b[1;31m", "\x1b[1;33m", "\x1b[32m", "\x1b[36m"
# A `-` in the first column of a table has more spaces after it than the sign of a changed object
_CHANGE = r" {6,}|(?=[+-] {1,5}\S)"
_STYLES = (
    (regex(r"^( *)(error\[[\w-]+\]:?)", re.MULTILINE), _RED),
    (regex(r"^( *)((?:warning|waits)\[[\w-]+\]:?)", re.MULTILINE), _YELLOW),
    (regex(r"^( *)((?:help|next|fix|state|measured):)", re.MULTILINE), _CYAN),
    (regex(rf"^({_CHANGE})(\+.*)$", re.MULTILINE), _GREEN),
    (regex(rf"^({_CHANGE})(-.*)$", re.MULTILINE), _RED),
    (regex(r"()\b(BLOCKED|CANNOT BE READ|IRREVERSIBLE|BREAKING|NO TRANSACTION|WAITS|NO BACKUP)\b"), _RED),
)
_NARROWEST = 40


def width_of(stream: TextIO) -> int | None:
    """The terminal's width in columns. None if the stream is not a terminal, whose lines are then not wrapped."""
    return max(shutil.get_terminal_size().columns, _NARROWEST) if _is_terminal(stream) else None


def has_colour(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether to use colour. NO_COLOR takes precedence, then FORCE_COLOR and CLICOLOR_FORCE, then the terminal."""
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return _is_terminal(stream) and environ.get("TERM") != "dumb" and environ.get("CLICOLOR") != "0"


def coloured(page: str) -> str:
    """Adds colour to the labels of a page. The text stays the same."""
    for pattern, style in _STYLES:
        page = pattern.sub(rf"\g<1>{style}\g<2>{_RESET}", page)
    return page


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # the stream is closed
        return False

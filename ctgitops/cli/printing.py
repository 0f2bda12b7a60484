"""Prints results to stdout and errors to stderr. With `--format json`, an error is also printed to stdout."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import PurePath
from typing import TextIO

import click

from ..core.workspace.workspace import Workspace
from ..errors import CtgitopsError, WorkspaceError
from .terminal import coloured, has_colour


def print_page(text: str, form: str = "text") -> None:
    """Prints a result on stdout, in colour if it is text for a terminal."""
    _echo(text, sys.stdout, colour=form == "text" and has_colour(sys.stdout))


def _echo(text: str, stream: TextIO, *, colour: bool) -> None:
    click.echo(coloured(text) if colour else text, stream, nl=not text.endswith("\n"), color=colour)


def print_error(error: CtgitopsError) -> None:
    """Prints an error on stderr; with JSON also on stdout, so that stdout always has one document."""
    from ..report.text_error import error_text

    _echo(error_text(error), sys.stderr, colour=has_colour(sys.stderr))
    if _asked_for_json():
        from ..report.json import error_json

        print_page(error_json(error), "json")


def print_unread(workspace: Workspace, name: str | None, status: int) -> int:
    """Reports unreadable manifests, which may have no row, on stderr; the exit status is then at least 3."""
    from ..report.text import problem_lines

    problems = [p for p in workspace.read_problems if p.blocks and p.place and p.place.path.startswith("environments/")]
    own = [p for p in problems if name is None or (p.place and PurePath(p.place.path).stem == name)]
    for problem in own:
        _echo("\n".join(problem_lines(problem)), sys.stderr, colour=has_colour(sys.stderr))
    return max(status, WorkspaceError.exit_status) if own else status


def _asked_for_json() -> bool:
    arguments = sys.argv[1:]
    return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)

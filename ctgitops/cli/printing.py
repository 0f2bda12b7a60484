"""Prints results to stdout and errors to stderr. With `--format json`, an error is also printed to stdout."""

from __future__ import annotations

import sys
from itertools import pairwise

import click

from ..errors import CtgitopsError


def print_page(text: str) -> None:
    """A result, on stdout."""
    click.echo(text, nl=not text.endswith("\n"))


def print_error(error: CtgitopsError) -> None:
    """An error, on stderr; where JSON was asked for, on stdout too, so that there is always one document there."""
    from ..report.text_error import error_text

    click.echo(error_text(error).rstrip("\n"), err=True)
    if _asked_for_json():
        from ..report.json import error_json

        print_page(error_json(error))


def _asked_for_json() -> bool:
    arguments = sys.argv[1:]
    return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)

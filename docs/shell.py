"""The files that shells and `man` read: completions and the man page, as the wheel installs them below `share/`."""

from __future__ import annotations

import re

import click
from click.shell_completion import get_completion_class

from ctgitops.cli.main import VERBS, ctgitops

from .parts import GapError, context_of, subcommands

COMPLETIONS = {
    "bash": "share/bash-completion/completions/ctgitops",
    "fish": "share/fish/vendor_completions.d/ctgitops.fish",
    "zsh": "share/zsh/site-functions/_ctgitops",
}
MAN = "share/man/man1/ctgitops.1"
ENVIRONMENT = {
    "CTGITOPS_POSTGRES": "Folders with PostgreSQL's programs, separated by colons.",
    "NO_COLOR, FORCE_COLOR": "Turn colour off or on.",
}
SEE_ALSO = "https://github.com/constructtrack/ctgitops/tree/main/docs"


def completion(shell: str) -> str:
    """The completion script of a shell, which calls ctgitops for the names of verbs, options and environments."""
    kind = get_completion_class(shell)
    if kind is None:
        raise GapError(f"click has no completion for {shell}")
    script = kind(ctgitops, {}, "ctgitops", "_CTGITOPS_COMPLETE")
    return (script.source_template % script.source_vars()).strip() + "\n"


def man_page() -> str:
    """The man page, in the macros of man(7)."""
    program = context_of(ctgitops, "ctgitops")
    lines = ['.TH CTGITOPS 1 "" "ctgitops" "User Commands"', ".SH NAME", r"ctgitops \- " + _first(ctgitops)]
    lines += [".SH SYNOPSIS", r".B ctgitops", r"\fIVERB\fR [\fIOPTION\fR]..."]
    lines += [".SH DESCRIPTION", *_paragraphs(ctgitops.help or ""), ".SH VERBS"]
    for verb in VERBS:
        command = ctgitops.get_command(program, verb)
        if command is None:
            raise GapError(f"the verb {verb} has no command")
        context = context_of(command, verb, program)
        lines += _verb(command, context)
        for each, below in subcommands(command, context):
            lines += _verb(each, below)
    lines += [".SH ENVIRONMENT", *(line for name, text in ENVIRONMENT.items() for line in _item(name, text))]
    lines += [".SH SEE ALSO", _escaped(SEE_ALSO)]
    return "\n".join(lines) + "\n"


def _first(command: click.Command) -> str:
    return _escaped((command.help or "").split("\n", maxsplit=1)[0].rstrip("."))


def _verb(command: click.Command, context: click.Context) -> list[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [
        f".SS {_escaped(context.command_path.removeprefix('ctgitops '))}",
        rf"\fB{_escaped(context.command_path)}\fR {_escaped(usage)}",
    ]
    lines += [".PP", *_paragraphs(command.help or "")]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and record[1]:
            lines += _item(*record)
    return lines


def _item(name: str, text: str) -> list[str]:
    breakable = _escaped(name).replace("|", r"|\:")  # a list of choices may be longer than a line
    return [".TP", rf"\fB{breakable}\fR", _escaped(" ".join(text.split()))]


def _paragraphs(text: str) -> list[str]:
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.replace("\b", "").replace("\f", ""))]
    return "\n.PP\n".join(_escaped(part) for part in paragraphs if part).splitlines()


def _escaped(text: str) -> str:
    """Text for roff: a backslash, a hyphen, and a first character that would be a command."""
    safe = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{safe}" if safe[:1] in {".", "'"} else safe

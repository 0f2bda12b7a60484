"""Renders the steps of the setup on GitHub that remain after `init`."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.doctor.setup_step import SetupStep
from .terminal_text import on_one_line

_WORDS = {True: "done", False: "to do", None: "unknown"}


def setup_text(steps: Iterable[SetupStep], why_unknown: str) -> str:
    """The steps, each with its commands unless it is done. `why_unknown` says why GitHub was not asked."""
    lines = ["", "Setup on GitHub for these workflows:"]
    for step in steps:
        lines.append(f"  {_WORDS[step.done]:<9}{on_one_line(step.what)}")
        commands = () if step.done else filter(None, step.commands.split("\n"))
        lines += [f"           {on_one_line(command)}" for command in commands]
    lines += [f"Unknown, because {on_one_line(why_unknown)}"] if why_unknown else []
    return "\n".join(lines)

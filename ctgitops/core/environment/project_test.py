"""A test of the project that runs on a throw-away copy of an environment. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProjectTest:
    """A command of the project that passes if it ends with exit status 0."""

    name: str
    command: tuple[str, ...]
    """The program and its arguments."""
    keep_env: tuple[str, ...] = ()
    """The environment variables that the command gets in addition to those that every command gets."""

    @classmethod
    def of_shell(cls, name: str, run: str, keep_env: tuple[str, ...] = ()) -> ProjectTest:
        """A test from the policy, whose text is run by the shell."""
        return cls(name, ("/bin/sh", "-c", run), keep_env)

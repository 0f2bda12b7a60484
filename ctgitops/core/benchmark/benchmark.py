"""A benchmark of the project, from the policy. Pure."""

from __future__ import annotations

from dataclasses import dataclass

SLOWER = 1.3
"""The default of `slower`."""


@dataclass(frozen=True)
class Benchmark:
    """SQL statements or a pgbench script, whose time before and after the pending migrations is compared."""

    name: str
    text: str
    """The SQL statements, or the pgbench script."""
    path: str
    """The file that contains `text`, or the key of the policy, for messages."""
    pgbench: bool = False
    """Whether `text` is a pgbench script."""
    slower: float = SLOWER
    """The factor from which a longer time alone is reported."""
    required: bool = False
    """Whether a regression is an error. Otherwise, it is a warning."""

"""CLI command `action`, which a GitHub Actions runner calls."""

from __future__ import annotations

import click


@click.command()
def action() -> int:
    """What a step of a GitHub workflow runs: it takes inputs, event and secrets from the runner, and no options."""
    from ..action.run import main

    return main()

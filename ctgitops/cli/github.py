"""CLI command `action`, which a GitHub Actions runner calls."""

from __future__ import annotations

import click


@click.command()
def action() -> int:
    """Run one step of a GitHub workflow.

    Reads inputs, event and secrets from the runner, and takes no options.
    """
    from ..action.run import main

    return main()

"""The CLI command benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..wiring.wiring import Wiring
from . import options
from .copies import role_option, source_option, target_schema, valid_policy
from .printing import print_page

if TYPE_CHECKING:
    from ..core.environment.environment import Environment


@click.command()
@options.environment
@source_option
@role_option
@options.target
@options.root
@options.as_page
def benchmark(  # noqa: PLR0913 - one parameter per option
    *, name: str, artifact: Path | None, role: str, target: str | None, root: Path, form: str
) -> int:
    """Compare the speed of queries before and after the pending migrations, on throw-away copies.

    The queries are `benchmark` in the policy. Exit status 1: a benchmark with `severity: error` became slower, fails
    after the migrations, or has an unknown result.
    """
    from ..commands.benchmark import BenchmarkEdges, BenchmarkWork
    from ..commands.benchmark import benchmark as verb
    from ..report import benchmark as pages

    wiring = Wiring(root)
    request = wiring.request(name, target=target)
    found = valid_policy(wiring).benchmarks
    others = () if artifact else _earlier(wiring, request.environment)
    schema = target_schema(wiring, request, artifact)
    edges = BenchmarkEdges(wiring.shadows, wiring.benchmarks, wiring.databases)
    outcome = verb(request, schema, BenchmarkWork(found, role, others), edges=edges)
    page = {
        "json": pages.benchmark_json,
        "markdown": pages.benchmark_markdown,
        "text": pages.benchmark_text,
    }[form]
    print_page(page(outcome), form)
    return outcome.exit_status


def _earlier(wiring: Wiring, environment: Environment) -> tuple[Environment, ...]:
    """The environments that get migrations before `environment`, as `after` in the manifests says."""
    known = {each.name: each for each in wiring.environments}
    found: dict[str, Environment] = {}
    while environment.after in known and environment.after not in found:
        environment = known[environment.after]
        found[environment.name] = environment
    return tuple(found.values())

"""The sandbox: a throw-away database in which unreviewed SQL runs as a role without access to anything outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ..connection.connect import Address, connect, refused_as_error
from ..server.limits import Limits, ResourceGuard
from ..server.server_choice import throw_away
from ..trace.tracer import Tracer
from .sandbox_databases import ORIGINAL, SandboxDatabases, SandboxShadow
from .sandbox_server import SandboxServer, server_of
from .trial import NoObserver

if TYPE_CHECKING:
    from ...core.environment.environment import ShadowPolicy
    from ...core.plan.plan import Step
    from ...core.schema.source_database import SourceDatabase
    from ..server.programs import Programs

__all__ = ["SandboxDatabases", "SandboxShadow", "sandbox_server", "sandbox_shadow"]


@contextmanager
def sandbox_server(  # noqa: PLR0913 - one parameter for each property of the server
    original: SourceDatabase,
    allowed: frozenset[str] = frozenset(),
    limits: Limits | None = None,
    external: Address | None = None,
    image: str = "",
    *,
    kind: type[SandboxServer] = SandboxServer,
) -> Iterator[SandboxDatabases]:
    """Starts a sandbox server with the roles of `original`. Its database `shadow` has the schema of `original`.

    Uses the server at `external`, else a container of `image`, else a local server of `kind`. Raises UsageError.
    """
    limits = limits or Limits()

    def own(programs: Programs) -> SandboxServer:
        return server_of(programs, limits, original, kind)

    with (
        throw_away(original, external, image, limits, own) as server,
        ResourceGuard(server.used, limits, server.end) as guard,
    ):
        sandbox = SandboxDatabases(server, guard, original, allowed)
        provisioner = sandbox.provisioner
        with refused_as_error(server.address()):
            if server.ours and original.database:
                server.make_room(original.database)
            provisioner.roles()
            provisioner.database(sandbox.named(ORIGINAL))
            provisioner.schema(sandbox.named(ORIGINAL))
            provisioner.quiet_ledger(sandbox.named(ORIGINAL))
            provisioner.database(sandbox.named("shadow"), sandbox.named(ORIGINAL))
        try:
            yield sandbox
        finally:
            sandbox.close()


@contextmanager
def sandbox_shadow(
    original: SourceDatabase, policy: ShadowPolicy, external: Address | None = None, had: tuple[Step, ...] = ()
) -> Iterator[SandboxShadow]:
    """Copies `original` to the server that `policy` selects, runs the steps in `had`, and adds a tracer.

    The tracer observes the later steps that run with `watched`. Raises UsageError, ApplyError.
    """
    wanted = replace(original, major=policy.major or original.major)
    with sandbox_server(wanted, frozenset(policy.extensions), external=external, image=policy.image) as sandbox:
        if (here := sandbox.server.major) != original.major and original.major:
            sandbox.notes.append(f"PostgreSQL {original.major} in the real database, {here} in the sandbox")
        shadow = sandbox.shadow(sandbox.with_steps(had), NoObserver())
        with refused_as_error(sandbox.server.address()):
            sandbox.name.give(shadow)
        # The tracer connects as the migrations' role: queries of a superuser could run functions of a migration
        with Tracer(lambda: connect(shadow.address, "ctgitops/trace", {"search_path": "pg_catalog"})) as tracer:
            shadow.watched_by(tracer)
            yield shadow

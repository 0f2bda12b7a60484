"""Chooses the server for throw-away databases. The server is local, in a container, or external."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..connection.names import ADMIN, MAINTENANCE, unused
from .container_server import container, containers_available
from .external_server import ExternalServer
from .local_server import LocalServer
from .programs import Programs, server_for

if TYPE_CHECKING:
    from ...core.schema.source_database import SourceDatabase
    from ..connection.connect import Address
    from .limits import Limits

Server = LocalServer | ExternalServer


@contextmanager
def throw_away(
    original: SourceDatabase,
    external: Address | None,
    image: str,
    limits: Limits,
    own: Callable[[Programs], LocalServer],
) -> Iterator[Server]:
    """A server for copies of `original`. The server is removed or cleaned up when the block ends. Raises UsageError.

    Uses the external server at the address `external` if it is given. Otherwise, uses a container of `image` if it is
    given. Otherwise, uses the local server that `own` starts. If no installed PostgreSQL is suitable, uses a container
    of the original's major version.
    """
    with ExitStack() as stack:
        address, ours = external, False
        if address is None:
            try:
                programs = None if image else server_for(original.major, original.extensions)
            except UsageError:
                if not (original.major and containers_available()):
                    raise
                image, programs = f"postgres:{original.major}", None
            if programs is not None:
                yield stack.enter_context(own(programs))
                return
            superuser = unused(ADMIN, {role.name for role in original.roles})
            database = unused(MAINTENANCE, {original.database})
            address, ours = stack.enter_context(container(image, limits, superuser, database)), True
        yield stack.enter_context(ExternalServer(address, original, ours=ours))

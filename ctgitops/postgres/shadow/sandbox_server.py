"""Configures the local server of a sandbox: the superuser's name, and limits on the use of this machine.

`server/server_choice.py` chooses between this server, a container and an external server. `server/local_server.py`
starts this server.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..connection.names import ADMIN, unused
from ..server.auto_explain import SETTINGS
from ..server.data_directory import memory
from ..server.limits import Limits
from ..server.local_server import LocalServer
from ..server.os_account import unprivileged

if TYPE_CHECKING:
    from ...core.schema.source_database import SourceDatabase
    from ..server.programs import Programs


LOOPBACK = "127.0.0.1"


class SandboxServer(LocalServer):
    """A local server whose superuser has a special name. Limits apply to the resources that its processes use."""

    superuser = ADMIN
    limits = Limits()

    def started_by(self, command: list[str]) -> list[str]:
        """Wraps `command` in a command that enforces the server's limits."""
        return self.limits.command(command)


class OpenServer(SandboxServer):
    """A sandbox server that also listens on the loopback address, for roles with a password.

    ctgitops itself connects over the socket, so the superuser has no password.
    """

    def __init__(self, programs: Programs, *, settings: Mapping[str, str], base: Path | None) -> None:
        super().__init__(programs, settings=settings, base=base)
        self._listen = LOOPBACK

    @property
    def port(self) -> int:
        """The server's port on the loopback address."""
        return self._port


def server_of(
    programs: Programs, limits: Limits, original: SourceDatabase, kind: type[SandboxServer] = SandboxServer
) -> SandboxServer:
    """A server with `limits`. Its superuser has a name that no role of `original` has."""
    # Only the tracer of a trial reads the plans. In a copy for commands, they would cost time in each statement
    settings = limits.settings() | (SETTINGS if programs.explains and kind is not OpenServer else {})
    server = kind(programs, settings=settings, base=memory(programs, unprivileged()))
    server.limits = limits
    server.superuser = unused(ADMIN, {role.name for role in original.roles})
    return server

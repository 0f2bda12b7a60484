"""The name of the real database, which one copy on a server of our own has at a time."""

from __future__ import annotations

from typing import Protocol

from ...core.schema.source_database import SourceDatabase
from ..server.choose import Server
from ..server.scratch_database import rename
from .extensions import as_admin


class Named(Protocol):
    """A copy that can be renamed."""

    database: str
    spare: str
    """Its name as long as another copy has the real one."""

    def close(self) -> None:
        """Ends its sessions: a database that has some cannot be renamed."""


class CopyName:
    """Who has the name. On a server of others no copy ever has it: the database of that name may be a real one."""

    def __init__(self, server: Server, original: SourceDatabase) -> None:
        self._server = server
        self._holder: Named | None = None
        self.target = original.database if server.ours else ""
        """Empty: no copy gets a name."""

    def give(self, copy: Named | None) -> None:
        """Gives it to one copy, or to none, so that its migrations can use it. Writes."""
        if not self.target or self._holder is copy:
            return
        with as_admin(self._server.address()) as connection:
            for each, name in ((self._holder, self._holder and self._holder.spare), (copy, self.target)):
                if each and name:
                    each.close()
                    rename(connection, each.database, name)
                    each.database = name
        self._holder = copy

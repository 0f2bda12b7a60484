"""Gives the real database's name to one copy at a time. On an external server, no copy gets this name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from ...core.trial.trial import Skipped
from ...sql.databases import databases_named
from ...sql.script import Script
from ..server.scratch_database import rename
from .extensions import as_admin

if TYPE_CHECKING:
    from ...core.plan.plan import Step
    from ...core.schema.source_database import SourceDatabase
    from ..server.server_choice import Server


class RenamableCopy(Protocol):
    """A copy that can be renamed."""

    database: str
    spare: str
    """The copy's name while another copy has the real name."""

    def close(self) -> None:
        """Closes all connections to the copy. A database with sessions cannot be renamed."""


class CopyName:
    """Assigns the real database's name to one copy. Not on an external server: the real database may be there."""

    def __init__(self, server: Server, original: SourceDatabase) -> None:
        self._server = server
        self._holder: RenamableCopy | None = None
        self.target = original.database if server.ours else ""
        """The real database's name. Empty if no copy gets this name."""

    def give(self, copy: RenamableCopy | None) -> None:
        """Gives the real name to one copy, or to none. Migrations in this copy can then use the name. Writes."""
        if not self.target or self._holder is copy:
            return
        with as_admin(self._server) as connection:
            for each, name in ((self._holder, self._holder and self._holder.spare), (copy, self.target)):
                if each and name:
                    each.close()
                    rename(connection, each.database, name)
                    each.database = name
        self._holder = copy


def without_databases(step: Step) -> tuple[Step, tuple[Skipped, ...]]:
    """The step without the statements that name a database, and these statements. File positions stay the same."""
    script, skipped = step.script, list[Skipped]()
    text = list(script.sql)
    for statement in script.statements:
        if names := databases_named(script.text_of(statement)):
            start = script.start_of(statement)
            skipped.append(Skipped(step.name, names[0], script.place(start)))
            text[start : statement.end] = re.sub(r"[^\n]", " ", script.sql[start : statement.end])
    if not skipped:
        return step, ()
    return replace(step, script=Script("".join(text), script.path, script.first_line)), tuple(skipped)

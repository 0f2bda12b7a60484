"""The identity of a database: its cluster, its OID, and the environment that its ledger belongs to. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ...errors import LedgerError, Place
from ...lazy import dataclass
from ..problem import Concern, Problem

if TYPE_CHECKING:
    from ..environment.environment import Environment


@dataclass(frozen=True)
class Site:
    """A database on a server, independent of its address and name."""

    system_identifier: int | None
    """The cluster's system identifier. Standbys and disk copies share it. None if this role may not read it."""
    oid: int
    """The OID of the database in its cluster. A clone in the same cluster has a different OID."""
    name: str

    def is_same(self, other: Site) -> bool:
        """Whether `other` is this database or a disk copy of it. If a system identifier is unknown, the OIDs decide."""
        if self.system_identifier is None or other.system_identifier is None:
            return self.oid == other.oid
        return (self.system_identifier, self.oid) == (other.system_identifier, other.oid)


@dataclass(frozen=True)
class LedgerHome:
    """The environment and database that the ledger last recorded as its home."""

    environment: str
    site: Site
    since: datetime | None = None


@dataclass(frozen=True)
class Identity:
    """The identity of a database, as one query returns it."""

    here: Site
    ledger_id: str = ""
    """The ledger's ID. Empty if the database has no ledger."""
    home: LedgerHome | None = None
    """The recorded home. None if only versions of ctgitops that record no home have used the database."""

    home_unread: bool = False
    """Whether the connecting role may not read the recorded home. The home is then unknown."""

    @property
    def at_home(self) -> bool:
        """Whether this database is the ledger's home.

        The home is the database in which the ledger was created. `repair --adopt` makes another database the home.
        """
        return self.home is None or self.home.site.is_same(self.here)


def identity_problems(environment: Environment, identity: Identity | None) -> Iterator[Problem]:
    """Problems if this database is not the one that the manifest of `environment` describes."""
    if identity is None:
        return
    name, home = environment.name, identity.home
    if identity.home_unread:
        what = f"cannot check whether this is the database of {name}: this role may not read ctgitops.home"
        hint = f"run the SQL of `ctgitops roles --env {name} --only plan` again"
        yield Problem("home-not-read", what, hint=hint, blocks=False, concern=Concern.LEDGER)
    if home and home.environment != name:
        yield _anothers(environment, identity, home)
    elif home and not identity.at_home:
        what = (
            f"the ledger of {name} was created in {_told(home.site)}, but this is {_told(identity.here)}: "
            "it is a copy, or the database was moved"
        )
        hint = f"check {environment.url_secret}; if this is {name} from now on, run {_adopt(name)}"
        yield Problem("moved-database", what, _place(environment), hint, concern=Concern.LEDGER)
    if environment.database_id and environment.database_id != identity.ledger_id:
        yield _not_pinned(environment, identity)


def shared(one: Identity | None, other: Identity | None) -> bool:
    """Whether two queries reached the same database. Only the recorded home tells a disk copy from its original."""
    if one is None or other is None or one.here.system_identifier is None:
        return False
    return one.here.is_same(other.here) and one.home == other.home


def shared_problem(environment: Environment, other: Environment) -> Problem:
    """The problem for two environments of one repository that use the same database."""
    secrets = f"{environment.url_secret} and {other.url_secret}"
    what = f"{environment.name} and {other.name} are the same database, according to {secrets}"
    hint = "correct one of the secrets: each environment needs its own database"
    return Problem("shared-database", what, _place(environment), hint, concern=Concern.LEDGER)


def _anothers(environment: Environment, identity: Identity, home: LedgerHome) -> Problem:
    name, secret = environment.name, environment.url_secret
    if identity.at_home:
        what = (
            f"{secret} connects to the database of {home.environment}, {_told(identity.here)}, according to its ledger"
        )
        hint = (
            f"correct {secret}: each environment needs its own database. If {home.environment} was renamed to {name}, "
            f"or this server is a copy of the disk of {home.environment}, run {_adopt(name)}"
        )
        return Problem("wrong-database", what, _place(environment), hint, concern=Concern.LEDGER)
    what = f"{secret} connects to a copy of {home.environment}: its ledger was created in {_told(home.site)}"
    hint = f"if {name} was restored from {home.environment} and continues from there, run {_adopt(name)}"
    return Problem("copied-database", what, _place(environment), hint, concern=Concern.LEDGER)


def _not_pinned(environment: Environment, identity: Identity) -> Problem:
    found = f"has ledger {identity.ledger_id}" if identity.ledger_id else "has no ledger"
    what = f"{environment.name} is pinned to ledger {environment.database_id}, but {_told(identity.here)} {found}"
    pin = f"set `database: {{id: {identity.ledger_id}}}` in the manifest"
    if not identity.ledger_id:
        pin = "remove `database: {id: …}` from the manifest until the first run has created its ledger"
    hint = f"correct {environment.url_secret}; if this is the right database, {pin}"
    return Problem("wrong-database", what, _place(environment), hint, concern=Concern.LEDGER)


def _place(environment: Environment) -> Place | None:
    return Place(environment.path) if environment.path else None


def _told(site: Site) -> str:
    cluster = f" of server {site.system_identifier}" if site.system_identifier is not None else ""
    return f"database {site.name}{cluster}"


def _adopt(name: str) -> str:
    return f'`ctgitops repair --adopt --env {name} --reason "…"`'


def refuse_wrong(environment: Environment, identity: Identity | None) -> None:
    """Raises LedgerError if this database is not the one that the manifest of `environment` describes."""
    for problem in identity_problems(environment, identity):
        raise LedgerError(problem.what, place=problem.place, state="nothing was changed", hint=problem.hint)

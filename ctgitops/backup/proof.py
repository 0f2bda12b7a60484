"""Verifies a backup: restores it into a throw-away database, and compares this database with the source."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..core.receipt import SchemaRights
from ..core.schema.source_database import Locale
from ..postgres.connection.connect import Address
from ..postgres.server.local_server import LocalServer
from ..postgres.server.scratch_database import PROOF, create_proof_database, create_roles, scratch_database
from .early_server import EarlyServer
from .pg_dump import many

PROOF_OPTIONS = ("--no-tablespaces", "--no-subscriptions")
"""pg_restore's options for a verification.

These options leave out tablespaces, which are folders of the source's machine. The options also leave out
subscriptions, because a database with a subscription, even a disabled one, cannot be dropped.
"""


@dataclass(frozen=True)
class Contents:
    """The contents of a database at one moment."""

    major: int
    rows: Mapping[str, int]
    sequences: Mapping[str, tuple[int, int]]
    """Maps each sequence to its values before and after the dump. pg_dump saves a value in this range."""
    inventory: tuple[str, ...]
    """The objects of the schema. Comparable between servers of different major versions."""
    exact_inventory: tuple[str, ...]
    """The objects of the schema with more detail. Comparable only between servers of the same major version."""
    extensions: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    """Maps each critical table to a digest of its rows."""
    roles: tuple[str, ...] = ()
    """Roles that own an object in the database, or have privileges on an object."""
    locale: Locale = field(default_factory=Locale)
    left_out: tuple[str, ...] = ()
    """Objects that a dump leaves out, one line each with the reason."""
    public: SchemaRights | None = None
    """Owner and privileges of the schema `public`."""


@dataclass(frozen=True)
class ProofDatabase:
    """An empty database into which a backup is restored."""

    address: Address
    database: str
    words: str
    """A description, such as `PostgreSQL 18.6, a throw-away server on the run's machine`."""
    options: tuple[str, ...]
    """pg_restore's options for this server."""
    note: str = ""
    """Differences from the source, such as another locale."""


@contextmanager
def local_proof(source: Contents) -> Iterator[ProofDatabase]:
    """A database on a local throw-away server, which has the source's roles and, if installed, its major version."""
    with EarlyServer() as early:
        early.begin(source.major, source.extensions)
        yield on_started(early.started(), source)


def on_started(server: LocalServer, source: Contents) -> ProofDatabase:
    """A new database on a throw-away server, which has the source's roles. Writes there."""
    note = create_proof_database(server.address(), "proof", source.locale)
    address = server.address("proof")
    create_roles(address, source.roles)
    words = f"PostgreSQL {server.programs.version}, a throw-away server on the run's machine"
    return ProofDatabase(address, "proof", words, PROOF_OPTIONS, note)


@contextmanager
def on_server(address: Address, source: Contents) -> Iterator[ProofDatabase]:
    """A database on the server of `backup.verify_server`. Drops the database afterwards. Writes there.

    ctgitops creates no roles there. The restore leaves out owners and grants, and the roles in policies must exist.
    """
    name = f"{PROOF}{secrets.token_hex(6)}"
    with scratch_database(address, name, source.locale) as (version, note):
        words = f"PostgreSQL {version}, a throw-away database on {address.label}"
        yield ProofDatabase(address, name, words, (*PROOF_OPTIONS, "--no-owner", "--no-privileges"), note)


def differences(source: Contents, copy: Contents) -> list[str]:
    """The differences between `source` and `copy`, as text. Empty after a successful verification."""
    found = []
    for table in sorted(source.rows.keys() | copy.rows.keys()):
        then, now = source.rows.get(table), copy.rows.get(table)
        if then != now:
            found.append(f"{table}: {_rows(then)} in the source, {_rows(now)} restored")
    for name, (before, after) in sorted(source.sequences.items()):
        value = copy.sequences.get(name, (None, None))[0]
        if value is None:
            found.append(f"sequence {name} is missing")
        elif not min(before, after) <= value <= max(before, after):
            found.append(f"sequence {name} was {before} to {after} in the source, and is {value} in the copy")
    for table, digest in source.digests.items():
        if copy.digests.get(table) != digest:
            found.append(f"{table}: same number of rows, but different contents")
    same = source.major == copy.major
    then_lines = source.exact_inventory if same else source.inventory
    now_lines = copy.exact_inventory if same else copy.inventory
    found += [f"missing: {line}" for line in sorted(set(then_lines) - set(now_lines))]
    found += [f"not in the source: {line}" for line in sorted(set(now_lines) - set(then_lines))]
    return found


def _rows(number: int | None) -> str:
    return "no such table" if number is None else many(number, "row")

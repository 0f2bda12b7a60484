"""Runs cases of a single statement, or of several in one transaction, separately on the same schema."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from ctgitops.core.workspace.finding import Finding
from ctgitops.lint.catalog import Catalog
from ctgitops.lint.run import Linter
from ctgitops.lint.snapshot_catalog import catalog_of
from ctgitops.postgres.catalog.schema_snapshot import take_snapshot
from ctgitops.postgres.connection.connect import Address, connect
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.sql.script import Script

from .judge import Judge, Truth
from .products import PRODUCTS, TYPED

_HERE = Path(__file__).parent
SCHEMA = "".join((_HERE / name).read_text(encoding="utf-8") for name in ("schema.sql", "shop.sql")) + TYPED
_MODEL, _WORK = "model", "work"


@dataclass(frozen=True)
class Tried:
    """One case: what PostgreSQL did, and what lint reports with the live catalog."""

    text: str
    truth: Truth
    found: tuple[Finding, ...]

    @property
    def said(self) -> bool:
        """Whether lint reports that the case blocks writes during long work."""
        return any(finding.blocks_writes for finding in self.found)


def sets() -> Iterator[tuple[str, list[str]]]:
    """The cases by set: first those written by hand, then the generated ones."""
    for path in sorted((_HERE / "cases").glob("*.sql")):
        lines = path.read_text(encoding="utf-8").splitlines()
        yield path.stem, [line for line in lines if line and not line.startswith("--")]
    for name, make in PRODUCTS.items():
        yield name, list(make())


class Bench:
    """A server with the live schema, and lint with its catalog."""

    def __init__(self, server: LocalServer) -> None:
        self._server = server
        model = server.create_database(_MODEL)
        with connect(model, "bench") as connection:
            connection.execute(SCHEMA.encode())
        self._catalog = pickle.dumps(catalog_of(take_snapshot(model)))
        self._judge = Judge(self._fresh())

    def close(self) -> None:
        """Closes its connections."""
        self._judge.__exit__(None)

    def tried(self, text: str) -> Tried:
        """Runs and lints one case. Recreates the database after a case outside a transaction."""
        script = Script(text, "case.sql")
        truth = self._judge.file(script, keep=False)
        if not script.transactional:
            self.close()
            self._judge = Judge(self._fresh())
        return Tried(text, truth, () if truth.failed else self._linted(script))

    def _linted(self, script: Script) -> tuple[Finding, ...]:
        catalog: Catalog = pickle.loads(self._catalog)  # noqa: S301 - pickled above by this process
        return Linter(catalog).file(script, transactional=script.transactional)

    def _fresh(self) -> Address:
        with connect(self._server.address(), "bench") as connection:
            names = {"work": sql.Identifier(_WORK), "model": sql.Identifier(_MODEL)}
            connection.execute(sql.SQL("drop database if exists {work} with (force)").format(**names))
            connection.execute(sql.SQL("create database {work} template {model}").format(**names))
        return self._server.address(_WORK)

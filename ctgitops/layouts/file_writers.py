"""Writes migrations as the files of another tool. Pure.

Each function returns the texts of files by their paths in the tool's folder. `files/export.py` reads the files again in
the tool's layout, and refuses a file whose SQL differs.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator

from ..core.environment.layout import LayoutName
from ..lazy import dataclass
from ..sql.script import Script


@dataclass(frozen=True)
class Piece:
    """One migration to write."""

    position: int
    """Its place in the order, from 1."""
    number: int
    digits: str
    """The number, with leading zeros, so that the order of names is the order of numbers."""
    words: str
    up: Script
    down: Script | None
    outside: bool
    """Whether the migration runs outside a transaction."""
    created: str = "2000-01-01"
    author: str = ""

    @property
    def name(self) -> str:
        """The name of a file without its ending."""
        return f"{self.digits}_{self.words}"


@dataclass(frozen=True)
class FileWriter:
    """How one tool writes migrations, and what its files cannot express."""

    write: Callable[[tuple[Piece, ...]], Iterator[tuple[str, str]]]
    rollbacks: bool = True
    """Whether the files of the tool can contain rollbacks."""
    outside: bool = True
    """Whether a directive or setting of the tool disables the transaction of a file."""
    contiguous: bool = False
    """Whether the tool numbers its files 1, 2, 3, …."""


def _dbmate(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    for each in pieces:
        option = " transaction:false" if each.outside else ""
        down = each.down.sql if each.down else ""
        yield f"{each.name}.sql", f"-- migrate:up{option}\n{each.up.sql}\n-- migrate:down{option}\n{down}"


def _supabase(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    for each in pieces:
        yield f"{each.name}.sql", each.up.sql


def _up_and_down(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    for each in pieces:
        yield f"{each.name}.up.sql", each.up.sql
        if each.down:
            yield f"{each.name}.down.sql", each.down.sql


def _sqlx(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    first = {each.name: "-- no-transaction\n" if each.outside else "" for each in pieces}
    for path, text in _up_and_down(pieces):
        yield path, first[path.partition(".")[0]] + text


def _tern(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    for each in pieces:
        first = "---- tern: disable-tx ----\n" if each.outside else ""
        down = each.down.sql if each.down else ""
        text = f"{first}{each.up.sql}\n---- create above / drop below ----\n\n{down}"
        yield f"{each.position:03}_{each.words}.sql", text


def _goose(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    for each in pieces:
        first = "-- +goose NO TRANSACTION\n" if each.outside else ""
        down = _goose_statements(each.down) if each.down else ""
        yield f"{each.name}.sql", f"{first}-- +goose Up\n{_goose_statements(each.up)}\n-- +goose Down\n{down}"


def _goose_statements(script: Script) -> str:
    """goose divides at each semicolon at a line's end, also inside a function, unless it finds these directives."""
    return "".join(f"-- +goose StatementBegin\n{part}\n-- +goose StatementEnd\n" for part in _with_comments(script))


def _with_comments(script: Script) -> Iterator[str]:
    """Each statement with its semicolon and the comments before it."""
    start = 0
    for statement in script.statements:
        yield with_semicolon(script.sql[start : statement.end].strip())
        start = script.sql.find(";", statement.end) + 1 or len(script.sql)


def with_semicolon(statement: str) -> str:
    """The statement with its semicolon, on a new line if a comment could end the last line."""
    return f"{statement}\n;" if "--" in statement.rpartition("\n")[2] else f"{statement};"


def _flyway(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    for each in pieces:
        name = f"{each.number}__{each.words}.sql"
        yield f"V{name}", each.up.sql
        if each.outside:
            yield f"V{name}.conf", "executeInTransaction=false\n"
        if each.down:
            yield f"U{name}", each.down.sql


def _diesel(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    for each in pieces:
        yield f"{each.name}/up.sql", each.up.sql
        if each.down:
            yield f"{each.name}/down.sql", each.down.sql
        if each.outside:
            yield f"{each.name}/metadata.toml", "run_in_transaction = false\n"


def _prisma(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    yield "migration_lock.toml", 'provider = "postgresql"\n'
    for each in pieces:
        yield f"{each.name}/migration.sql", each.up.sql


def _drizzle(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    entries = []
    for each in pieces:
        tag = f"{each.position - 1:04}_{each.words}"
        entries.append(
            {"idx": each.position - 1, "version": "7", "when": each.position, "tag": tag, "breakpoints": True}
        )
        yield f"{tag}.sql", "\n--> statement-breakpoint\n".join(_with_comments(each.up)) + "\n"
    journal = {"version": "7", "dialect": "postgresql", "entries": entries}
    yield "meta/_journal.json", json.dumps(journal, indent=2) + "\n"


def _node_pg_migrate(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    for each in pieces:
        down = each.down.sql if each.down else ""
        yield f"{each.name}.sql", f"-- Up Migration\n{each.up.sql}\n-- Down Migration\n{down}"


def _graphile_migrate(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    previous = ""
    for each in pieces:
        first = "--! no-transaction\n" if each.outside else ""
        body = f"{first}{each.up.sql}".strip() + "\n"
        signed = f"{previous}\n{body}".strip() + "\n"
        digest = f"sha1:{hashlib.sha1(signed.encode(), usedforsecurity=False).hexdigest()}"
        words = each.words.replace("_", "-")
        header = f"--! Previous: {previous or '-'}\n--! Hash: {digest}\n--! Message: {words}\n"
        yield f"committed/{each.position:06}-{words}.sql", f"{header}\n{body}"
        previous = digest
    yield "current.sql", "-- Enter migration here\n"


def _atlas(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    running, lines = hashlib.sha256(), []
    for each in pieces:
        path, text = f"{each.name}.sql", ("-- atlas:txmode none\n\n" if each.outside else "") + each.up.sql
        running.update(path.encode() + text.encode())
        lines.append(f"{path} h1:{base64.b64encode(running.digest()).decode()}")
        yield path, text
    total = hashlib.sha256("".join(line.replace(" ", "") for line in lines).encode())
    yield "atlas.sum", "\n".join([f"h1:{base64.b64encode(total.digest()).decode()}", *lines, ""])


def _sqitch(pieces: tuple[Piece, ...]) -> Iterator[tuple[str, str]]:
    lines = ["%syntax-version=1.0.0", "%project=exported", ""]
    for each in pieces:
        who = f"{each.author or 'ctgitops'} <ctgitops@localhost>"
        lines.append(f"{each.name} {each.created}T00:00:00Z {who} # {each.words.replace('_', ' ')}")
        begin, commit = ("", "") if each.outside else ("BEGIN;\n\n", "\nCOMMIT;\n")
        yield f"deploy/{each.name}.sql", f"-- Deploy exported:{each.name} to pg\n\n{begin}{each.up.sql}{commit}"
        if each.down:
            text = f"-- Revert exported:{each.name} from pg\n\n{begin}{each.down.sql}{commit}"
            yield f"revert/{each.name}.sql", text
    yield "sqitch.plan", "\n".join([*lines, ""])
    yield "sqitch.conf", "[core]\n\tengine = pg\n"


FILE_WRITERS: dict[LayoutName, FileWriter] = {
    LayoutName.ATLAS: FileWriter(_atlas, rollbacks=False),
    LayoutName.DBMATE: FileWriter(_dbmate),
    LayoutName.DIESEL: FileWriter(_diesel),
    LayoutName.DRIZZLE: FileWriter(_drizzle, rollbacks=False, outside=False, contiguous=True),
    LayoutName.FLYWAY: FileWriter(_flyway),
    LayoutName.GOLANG_MIGRATE: FileWriter(_up_and_down, outside=False),
    LayoutName.GOOSE: FileWriter(_goose),
    LayoutName.GRAPHILE_MIGRATE: FileWriter(_graphile_migrate, rollbacks=False, contiguous=True),
    LayoutName.NODE_PG_MIGRATE: FileWriter(_node_pg_migrate, outside=False),
    LayoutName.PRISMA: FileWriter(_prisma, rollbacks=False, outside=False),
    LayoutName.SQITCH: FileWriter(_sqitch, contiguous=True),
    LayoutName.SQLX: FileWriter(_sqlx),
    LayoutName.SUPABASE: FileWriter(_supabase, rollbacks=False, outside=False),
    LayoutName.TERN: FileWriter(_tern, contiguous=True),
}
"""The tools whose files ctgitops can write."""

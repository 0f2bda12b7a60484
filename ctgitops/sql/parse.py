"""The one door to the SQL parser: postgast, which is PostgreSQL 18's own grammar (libpg_query).

We read the parse tree as JSON, not as protobuf: protobuf's decoder gives up at about 48 nested expressions. Positions
of errors are counted by libpg_query in characters, places of statements in bytes; everything here is in characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .batch import Shape, shape_of
from .enums import ADDS, EnumUse, enum_uses
from .extension import Extension, extension_of
from .gone import Gone, appears, gone
from .leaves import Leaves, leaves
from .locks import Wanted, locks, table_made
from .losses import Destroyed, destroyed, made
from .refused import transaction_control, why_not_in_transaction

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_DEEPEST = 100


class SqlSyntaxError(Exception):
    """PostgreSQL's grammar refuses the text; `offset` is where, in characters from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True)
class Statement:
    """One statement: `sql[start:end]`, in characters, without its semicolon."""

    start: int
    end: int
    kind: str
    """The parser's name of it: `CreateStmt`, `IndexStmt`, …"""
    refused_in_transaction: str = ""
    """What PostgreSQL would say if it were run inside a transaction block; empty where it is allowed."""
    transaction_control: str = ""
    """`COMMIT`, `BEGIN`, … where the statement opens or closes a transaction itself; empty otherwise."""
    copies_through_client: bool = False
    """COPY … FROM STDIN or TO STDOUT: moves data that only a client like psql can send or take."""
    leaves: Leaves | None = None
    """What it can leave behind when it is cut short; None for what a transaction of its own can hold."""
    locks: tuple[Wanted, ...] = ()
    """The locks that it takes on relations it names."""
    makes: str = ""
    """The table that it makes."""
    takes_away: tuple[Gone, ...] = ()
    """The names that nobody may use after it."""
    brings: tuple[Gone, ...] = ()
    """The names that are there after it."""


def statements(sql: str) -> tuple[Statement, ...]:
    """The statements of `sql`. Raises SqlSyntaxError for what PostgreSQL 18's grammar does not know."""
    return tuple(_statements(sql))


def _statements(sql: str) -> Iterator[Statement]:
    encoded = sql.encode()
    characters = Characters(encoded)
    for raw in parse_tree(encoded)["stmts"]:
        start = raw.get("stmt_location", 0)
        length = raw.get("stmt_len", 0)
        end = start + length if length else len(encoded.rstrip())
        ((kind, node),) = raw["stmt"].items()
        refused = why_not_in_transaction(kind, node)
        yield Statement(
            start=characters.at(start),
            end=characters.at(end),
            kind=kind,
            refused_in_transaction=refused,
            transaction_control=transaction_control(kind, node),
            copies_through_client=kind == "CopyStmt" and not node.get("filename"),
            leaves=leaves(kind, node) if refused else None,
            locks=locks(kind, node),
            makes=table_made(kind, node),
            takes_away=tuple(gone(kind, node)),
            brings=tuple(appears(kind, node)),
        )


def batch_shape(sql: str) -> Shape:
    """What matters of the one statement in `sql` to a batch."""
    ((kind, node),) = parse_tree(sql.encode())["stmts"][0]["stmt"].items()
    return shape_of(kind, node)


def extension_made(sql: str) -> Extension | None:
    """The extension that the one statement in `sql` makes; None where it makes none."""
    ((kind, node),) = parse_tree(sql.encode())["stmts"][0]["stmt"].items()
    return extension_of(kind, node)


def enum_values_used(sql: str) -> tuple[EnumUse, ...]:
    """Values that `sql` adds to an enum type and uses afterwards; raises SqlSyntaxError."""
    if not ADDS.search(sql):
        return ()
    return tuple(enum_uses([next(iter(raw["stmt"].items())) for raw in parse_tree(sql.encode())["stmts"]]))


def trees(sql: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Each statement of `sql`: what the parser calls it, and its tree; raises SqlSyntaxError."""
    return tuple(each for raw in parse_tree(sql.encode())["stmts"] for each in raw["stmt"].items())


def what_it_destroys(sql: str) -> tuple[tuple[int, Destroyed], ...]:
    """Which data the statements of `sql` destroy, each with its statement's index; raises SqlSyntaxError."""
    trees = enumerate(parse_tree(sql.encode())["stmts"])
    return tuple((n, d) for n, raw in trees for kind, node in raw["stmt"].items() for d in destroyed(kind, node))


def what_it_makes(sql: str) -> frozenset[tuple[str, str]]:
    """The tables, and columns of tables, that `sql` makes; raises SqlSyntaxError."""
    trees = parse_tree(sql.encode())["stmts"]
    return frozenset(m for raw in trees for kind, node in raw["stmt"].items() for m in made(kind, node))


def count_where(sql: str) -> str:
    """A query that counts the rows which the DELETE or UPDATE in `sql` touches; empty where that cannot be written."""
    import postgast  # noqa: PLC0415 - see below

    statement = postgast.parse(sql).stmts[0].stmt
    kind = statement.WhichOneof("node")
    if kind not in {"delete_stmt", "update_stmt"}:
        return ""
    node = getattr(statement, kind)
    if node.HasField("with_clause") or getattr(node, "using_clause", None) or getattr(node, "from_clause", None):
        return ""
    tree = postgast.parse("select pg_catalog.count(*) from t where true")
    query = tree.stmts[0].stmt.select_stmt
    query.from_clause[0].range_var.CopyFrom(node.relation)
    if node.HasField("where_clause"):
        query.where_clause.CopyFrom(node.where_clause)
    return str(postgast.deparse(tree))


def index_on_probe(sql: str, table: str) -> str:
    """CREATE INDEX CONCURRENTLY as it would be written for another, temporary table, which nobody waits for."""
    import postgast  # noqa: PLC0415 - see below

    tree = postgast.parse(sql)
    index = tree.stmts[0].stmt.index_stmt
    index.concurrent = index.if_not_exists = False
    index.relation.schemaname, index.relation.relname = "pg_temp", table
    index.table_space = ""
    return str(postgast.deparse(tree))


def parse_tree(encoded: bytes) -> dict[str, Any]:
    """The parser's own tree of a text, places in bytes. Raises SqlSyntaxError."""
    from postgast.native import lib  # noqa: PLC0415 - 70 ms, which `status` and `--version` need not pay

    result = lib.pg_query_parse(encoded)
    try:
        if result.error:
            error = result.error.contents
            raise SqlSyntaxError(error.message.decode(errors="replace"), max(error.cursorpos - 1, 0))
        return _decoded(result.parse_tree.decode())
    finally:
        lib.pg_query_free_parse_result(result)


def _decoded(tree: str) -> dict[str, Any]:
    try:
        whole: dict[str, Any] = json.loads(tree)
    except RecursionError:
        # Some hundred terms in a row: what makes a statement refused stands near its top.
        whole = json.loads("".join(_shallow(tree)))
    return whole


def _shallow(tree: str) -> Iterator[str]:
    """The JSON with nothing in what is as deep as `_DEEPEST`."""
    depth = kept_from = 0
    for token in _TOKEN.finditer(tree):
        if token[0] in "{[":
            depth += 1
            if depth == _DEEPEST:
                yield tree[kept_from : token.start()] + ("{}" if token[0] == "{" else "[]")
        elif token[0] in "}]":
            if depth == _DEEPEST:
                kept_from = token.end()
            depth -= 1
    yield tree[kept_from:]


class Characters:
    """Byte offsets to character offsets, asked in rising order, in one walk over the text."""

    def __init__(self, encoded: bytes) -> None:
        self._encoded = encoded
        self._ascii = encoded.isascii()
        self._byte = 0
        self._character = 0

    def at(self, byte: int) -> int:
        """The character that begins at `byte`."""
        if self._ascii:
            return byte
        self._character += len(self._encoded[self._byte : byte].decode())
        self._byte = byte
        return self._character

"""Parses SQL with postgast, which contains the grammar of PostgreSQL 18 (libpg_query).

Reads the parse tree as JSON, not as protobuf, because protobuf's decoder fails at about 48 nested expressions.
libpg_query counts error positions in characters and statement positions in bytes. This module returns all positions in
characters.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..lazy import dataclass, regex
from .batch import Shape, shape_of
from .data_loss import Destroyed, destroyed, made
from .enum_use import ADDS, EnumUse, enum_uses
from .extension import Extension, extension_of
from .guard import Failure, Guard, guarded
from .guard import SqlSyntaxError as SqlSyntaxError  # noqa: PLC0414 - callers import it from here
from .interruption import LeftoverKind, Leftovers, leftovers_of
from .libpg_query import parse_as_json
from .locks import RequiredLock, locks, table_made
from .name_changes import ChangedName, created_names, removed_names
from .operator_runs import LongRunError, scannable
from .settings import sets_session, sets_transaction
from .traits import NOTHING, Trait, traits_of
from .transaction_block import transaction_control, transaction_options, why_not_in_transaction

if TYPE_CHECKING:
    from .nodes import Node

_TOKEN = regex(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_DEEPEST = 300
"""Maximum depth of a tree.

A recursive reader needs up to three calls per level, and Python allows 1,000 calls. The limit of Python's JSON decoder
is about the same on 3.11, and higher from 3.12 on.
"""
_NO_BRACKETS = bytes(code for code in range(256) if code not in b"{}[]")
_CUT = '{"TooDeep": {}}'
"""The JSON text that replaces a part that is too deep. No reader or deparser knows its type."""


@dataclass(frozen=True)
class Statement:
    """One statement: its text `sql[start:end]`, in characters, without its semicolon."""

    start: int
    end: int
    kind: str
    """The statement's type in the parse tree: `CreateStmt`, `IndexStmt`, …"""
    refused_in_transaction: str = ""
    """The command that PostgreSQL does not allow inside a transaction block. Empty if the statement is allowed."""
    transaction_control: str = ""
    """`COMMIT`, `BEGIN`, … if the statement begins or ends a transaction. Otherwise empty."""
    transaction_options: str = ""
    """The options of BEGIN or COMMIT, such as `READ ONLY` or `AND CHAIN`. Empty if there are none."""
    sets: tuple[str, ...] = ()
    """The settings that the statement sets or resets for the session. `all` stands for RESET ALL.

    Empty if the statement also does anything else.
    """
    sets_transaction: bool = False
    """Whether the statement is a form of SET TRANSACTION, which must precede all queries of its transaction."""
    traits: Trait = NOTHING
    """The statement's effects beyond its own transaction."""
    copies_through_client: bool = False
    """Whether the statement is COPY … FROM STDIN or TO STDOUT, which needs a client such as psql."""
    leftovers: Leftovers | None = None
    """The possible leftovers after an interruption. None if the statement can run in a transaction."""
    locks: tuple[RequiredLock, ...] = ()
    """The locks that the statement takes on the relations that it names."""
    makes: str = ""
    """The table that the statement creates. Empty if the statement creates none."""
    removes: tuple[ChangedName, ...] = ()
    """The tables, views and columns that the statement drops or renames."""
    creates: tuple[ChangedName, ...] = ()
    """The tables, views and columns that the statement creates."""
    not_analysed: tuple[Failure, ...] = ()
    """The analyses that failed. Their results are unknown."""
    undecided: bool = False
    """Whether an unknown result could change how the statement must be run."""


@dataclass(frozen=True)
class Tree:
    """One statement: its text `sql[start:end]`, in characters, its type and its parse tree."""

    kind: str
    node: Node
    start: int
    end: int


@guarded("the file")
def trees(sql: str) -> tuple[Tree, ...]:
    """The statements of `sql`. Raises SqlSyntaxError for text that PostgreSQL 18's grammar rejects."""
    return tuple(_trees(sql))


def _trees(sql: str) -> Iterator[Tree]:
    encoded = sql.encode()
    characters = Characters(encoded)
    for raw in parse_tree(sql)["stmts"]:
        start, length = raw.get("stmt_location", 0), raw.get("stmt_len", 0)
        end = start + length if length else len(encoded.rstrip())
        ((kind, node),) = raw["stmt"].items()
        yield Tree(kind, node, characters.at(start), characters.at(end))


@guarded("the file")
def statements(sql: str) -> tuple[Statement, ...]:
    """The statements of `sql`, with the results of all analyses. Raises SqlSyntaxError."""
    return tuple(_statement(tree, sql[tree.start : tree.end]) for tree in trees(sql))


def _statement(tree: Tree, text: str) -> Statement:
    kind, node, guard = tree.kind, tree.node, Guard()
    refused = guard.value(
        "whether the statement can run in a transaction", lambda: why_not_in_transaction(kind, node), ""
    )
    control = guard.value("whether the statement ends a transaction", lambda: transaction_control(kind, node), "")
    copies = guard.value("COPY", lambda: kind == "CopyStmt" and not node.get("filename"), otherwise=False)
    anything = Leftovers(LeftoverKind.ANYTHING)
    left = (
        guard.value("the leftovers after an interruption", lambda: leftovers_of(kind, node), anything)
        if refused
        else None
    )
    options = guard.value("the transaction options", lambda: transaction_options(kind, node), "")
    sets = tuple(guard.each("the changed settings", lambda: sets_session(kind, node)))
    sets_own = guard.value(
        "whether the statement is SET TRANSACTION", lambda: sets_transaction(kind, node), otherwise=False
    )
    traits = guard.value("the session effects", lambda: traits_of(text, kind, node), NOTHING)
    undecided = bool(guard.failures)
    return Statement(
        start=tree.start,
        end=tree.end,
        kind=kind,
        refused_in_transaction=refused,
        transaction_control=control,
        transaction_options=options,
        sets=sets,
        sets_transaction=sets_own,
        traits=traits,
        copies_through_client=copies,
        leftovers=left,
        locks=guard.value("the locks", lambda: locks(kind, node), ()),
        makes=guard.value("the created table", lambda: table_made(kind, node), ""),
        removes=tuple(guard.each("the dropped names", lambda: removed_names(kind, node))),
        creates=tuple(guard.each("the created names", lambda: created_names(kind, node))),
        not_analysed=tuple(guard.failures),
        undecided=undecided,
    )


@guarded("whether the statement can run in batches")
def batch_shape(sql: str) -> Shape:
    """The `Shape` of the single statement in `sql`, for a batched migration."""
    tree = trees(sql)[0]
    return shape_of(tree.kind, tree.node)


@guarded("the extension")
def extension_made(sql: str) -> Extension | None:
    """The extension that the single statement in `sql` creates. None if the statement is not CREATE EXTENSION."""
    tree = trees(sql)[0]
    return extension_of(tree.kind, tree.node)


@guarded("the used enum values")
def enum_values_used(sql: str) -> tuple[EnumUse, ...]:
    """Uses of enum values that `sql` itself adds to their types. Raises SqlSyntaxError."""
    return tuple(enum_uses([(tree.kind, tree.node) for tree in trees(sql)])) if ADDS.search(sql) else ()


@guarded("the destroyed data")
def what_it_destroys(sql: str) -> tuple[tuple[int, Destroyed], ...]:
    """The data that the statements of `sql` destroy, each with the index of its statement. Raises SqlSyntaxError."""
    return tuple((n, each) for n, tree in enumerate(trees(sql)) for each in destroyed(tree.kind, tree.node))


@guarded("the created objects")
def what_it_makes(sql: str) -> frozenset[tuple[str, str]]:
    """The created tables and columns, as pairs. For a table, the column is an empty string. Raises SqlSyntaxError."""
    return frozenset(each for tree in trees(sql) for each in made(tree.kind, tree.node))


def parse_expression(text: str) -> Node:
    """The parse tree of a single expression. Empty for a list of expressions. Raises SqlSyntaxError."""
    targets = [target for tree in trees(f"select {text}") for target in tree.node.get("targetList", ())]
    value: Node = targets[0].get("ResTarget", {}).get("val", {}) if len(targets) == 1 else {}
    return value


def parse_tree(sql: str) -> Node:
    """The parse tree of a text, with offsets in bytes. Raises SqlSyntaxError."""
    try:
        encoded = scannable(sql)
    except LongRunError as run:
        raise SqlSyntaxError(str(run), run.offset) from None
    return _decoded(parse_as_json(encoded))


def _decoded(tree: bytes) -> Node:
    text = tree.decode()
    # Only a sequence of hundreds of terms is this deep; the relevant parts of a statement are near the top
    whole: Node = json.loads("".join(_shallow(text)) if _may_be_deep(tree) else text)
    return whole


def _may_be_deep(tree: bytes) -> bool:
    """Whether the tree may be too deep. Counting all brackets would take longer than decoding the tree."""
    left = tree.translate(None, _NO_BRACKETS)
    for _ in range(_DEEPEST // 2):
        if not left:
            return False
        left = left.replace(b"{}", b"").replace(b"[]", b"")
    return bool(left)


def _shallow(tree: str) -> Iterator[str]:
    """The JSON text, in pieces, with `_CUT` in place of each part deeper than `_DEEPEST`."""
    depth = kept_from = 0
    for token in _TOKEN.finditer(tree):
        if token[0] in "{[":
            depth += 1
            if depth == _DEEPEST:
                yield tree[kept_from : token.start()] + (_CUT if token[0] == "{" else f"[{_CUT}]")
        elif token[0] in "}]":
            if depth == _DEEPEST:
                kept_from = token.end()
            depth -= 1
    yield tree[kept_from:]


class Characters:
    """Converts byte offsets to character offsets, in ascending order, in one pass over the text."""

    def __init__(self, encoded: bytes) -> None:
        self._encoded = encoded
        self._ascii = encoded.isascii()
        self._byte = 0
        self._character = 0

    def at(self, byte: int) -> int:
        """The offset in characters of the byte offset `byte`."""
        if self._ascii:
            return byte
        self._character += len(self._encoded[self._byte : byte].decode())
        self._byte = byte
        return self._character

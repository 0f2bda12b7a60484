"""Effects of statements beyond their own transaction, read from their parse trees and from the bodies in them.

To the parser, the body of a DO block or function is a string. This module reads the tokens of the body, without
comments. The strings in a body count only if the body runs dynamic SQL, because such SQL is built from strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Flag, auto
from itertools import pairwise

from ..lazy import regex
from .nodes import Node, parts_of, walk
from .settings import sets_transaction, setting_of
from .tokens import Kind, Token, tokens


class Trait(Flag):
    """An effect of a statement."""

    OUTLIVES = auto()
    """Changes session state that only a new connection resets, or defaults that only a new session reads."""
    RECORDS = auto()
    """Calls `record_migration` (of the strategy document) without a schema. The search path must contain its schema."""
    RECORDS_QUALIFIED = auto()
    """Calls `ctgitops.record_migration`, with its schema."""
    SETS_TRANSACTION = auto()
    """Contains a SET TRANSACTION, which must precede all queries of its transaction."""
    SAVEPOINT = auto()
    """Contains a SAVEPOINT."""
    TEMPORARY = auto()
    """Creates a temporary relation."""


NOTHING = Trait(0)
RECORDS_ANYHOW = Trait.RECORDS | Trait.RECORDS_QUALIFIED
_MAYBE = regex(
    r"\b(?:database|role|user|group|system|load|extension|set|do|transaction|savepoint|function|procedure)\b"
    r"|set_config|lo_|dblink|record_migration|temp|transaction_|u&",
    re.IGNORECASE,
)
"""Matches every statement with traits. Statements that do not match are not searched: a dump has thousands of them."""
_FUNCTIONS = {"record_migration": Trait.RECORDS, "set_config": Trait.OUTLIVES}
_FAMILIES = ("lo_", "dblink")
_LANGUAGES = ("plpython", "plperl", "pltcl")
_KINDS = frozenset(
    {"AlterDatabaseStmt", "AlterDatabaseSetStmt", "AlterDatabaseRefreshCollStmt", "AlterRoleStmt", "AlterRoleSetStmt"}
    | {"AlterSystemStmt", "LoadStmt", "CreateExtensionStmt"}
)
_RENAMED = frozenset({"OBJECT_DATABASE", "OBJECT_ROLE"})
_ALTERED = frozenset({"database", "role", "user", "system"})
_BUILDS = frozenset({"execute", "format"})
_DEEPEST = 3
"""Maximum depth of nested strings that are read in a body."""


def traits_of(text: str, kind: str, statement: Node) -> Trait:
    """The traits of one statement, from its text and its parse tree."""
    found = NOTHING
    for each, node in walk({kind: statement}) if _MAYBE.search(text) else ():
        found |= _of_node(each, node)
        if each in {"DoStmt", "CreateFunctionStmt"}:
            found |= _of_definition(node)
    return found


def _of_node(kind: str, node: Node) -> Trait:
    if kind == "FuncCall" or "funcname" in node.get("funccall", ()):
        setting = setting_of(kind, node)
        plain = setting is not None and "." not in setting[0]
        return NOTHING if plain else _called(parts_of(node.get("funccall", node).get("funcname", ())))
    if kind == "VariableSetStmt":
        dotted = Trait.OUTLIVES if "." in node.get("name", "") else NOTHING
        return dotted | (Trait.SETS_TRANSACTION if sets_transaction(kind, node) else NOTHING)
    if kind == "TransactionStmt":
        return Trait.SAVEPOINT if node.get("kind") == "TRANS_STMT_SAVEPOINT" else NOTHING
    if kind in _KINDS or {node.get("objectType"), node.get("renameType")} & _RENAMED:
        return Trait.OUTLIVES
    return Trait.TEMPORARY if _is_temporary(node) else NOTHING


def _called(name: tuple[str, ...]) -> Trait:
    last = name[-1] if name else ""
    if last.startswith(_FAMILIES):
        return Trait.OUTLIVES
    if last == "record_migration" and len(name) > 1:
        return Trait.RECORDS_QUALIFIED
    return _FUNCTIONS.get(last, NOTHING)


def _is_temporary(node: Node) -> bool:
    """Whether a node is, or creates, a temporary relation. In some statements, the relation's node has no type key."""
    into = [node.get(key, {}).get("rel", {}) for key in ("into", "intoClause")]
    made = [node, *into, *(node.get(key, {}) for key in ("relation", "view", "sequence"))]
    return any(isinstance(each, dict) and each.get("relpersistence") == "t" for each in made)


def _of_definition(node: Node) -> Trait:
    """The traits of a DO block or a function, from its language and its body."""
    found = NOTHING
    for item in (*node.get("args", ()), *node.get("options", ())):
        option = item.get("DefElem", {})
        given = option.get("arg", {})
        if option.get("defname") == "language":
            language = given.get("String", {}).get("sval", "").lower()
            found |= Trait.OUTLIVES if language.startswith(_LANGUAGES) else NOTHING
        elif option.get("defname") == "as":
            for part in given.get("List", {}).get("items", (given,)):
                found |= _of_body(part.get("String", {}).get("sval", ""), _DEEPEST)
    return found


def _of_body(body: str, depth: int) -> Trait:
    found = NOTHING
    read = [token for token in tokens(body) if token.kind not in {Kind.BLANK, Kind.COMMENT}]
    words = [_word(body, token) for token in read]
    for before, (one, two) in zip(["", *words], pairwise([*words, ""]), strict=False):
        found |= _of_words(before, one, two)
    found |= _settings_in(words)
    if depth and _BUILDS & set(words):
        for inner in _strings(body, read):
            found |= _of_body(inner, depth - 1)
    return found


def _of_words(before: str, one: str, two: str) -> Trait:
    if two == "(" and (trait := _called((one,) if before != "." else ("", one))):
        return trait
    if (one == "alter" and two in _ALTERED) or (one == "create" and two == "extension") or one == "load":
        return Trait.OUTLIVES
    return Trait.TEMPORARY if one in {"temp", "temporary"} else NOTHING


def _settings_in(words: list[str]) -> Trait:
    """The traits of SET statements in a body. Covers settings with a dot in their names."""
    for at, word in enumerate(words):
        rest = words[at + 1 : at + 4]
        name = rest[1:] if rest[:1] in (["local"], ["session"]) else rest[:2]
        if word == "set" and name[1:2] == ["."]:
            return Trait.OUTLIVES
    return NOTHING


def _word(body: str, token: Token) -> str:
    if token.kind is Kind.STRING:
        return "'"
    text = body[token.inside : token.until]
    return text if token.kind is Kind.NAME else text.lower()


def _strings(body: str, read: list[Token]) -> Iterator[str]:
    """The values of the strings in a body, without escapes."""
    for token in read:
        if token.kind is Kind.STRING:
            text = body[token.inside : token.until]
            yield text if body[token.start] == "$" else text.replace("''", "'")

"""Finds the position of an ALTER TABLE action in its file."""

from __future__ import annotations

from collections.abc import Iterator

from ..sql.nodes import Node, commands
from ..sql.parse import Tree
from ..sql.script import Script
from ..sql.tokens import Kind, Token, tokens
from .added_columns import target

_BEFORE_NAME = {"ALTER", "TABLE", "MATERIALIZED", "VIEW", "FOREIGN", "INDEX", "IF", "EXISTS", "ONLY"}


def place_of(script: Script, tree: Tree, part: Node | None) -> int:
    """The offset of an action in characters, or of its statement if the action's offset is unknown."""
    at = script.first_word(tree.start, tree.end)
    if part is None:
        return at
    parts = [each is part or target(each) is part for each in commands(tree.kind, tree.node)]
    starts = list(_starts(script.sql[at : tree.end])) if True in parts else []
    return at + starts[parts.index(True)] if len(starts) == len(parts) > 0 else at


def _starts(text: str) -> Iterator[int]:
    """The offset of each action: after the table's name, and after each comma outside of brackets."""
    depth, due = 0, False
    left = [token for token in tokens(text) if token.kind not in {Kind.COMMENT, Kind.BLANK}]
    for token in left[_name_ends(text, left) :]:
        mark = text[token.start : token.end]
        if not due:
            yield token.start
            due = True
        depth += (mark in {"(", "["}) - (mark in {")", "]"})
        due = due and not (mark == "," and not depth)


def _name_ends(text: str, found: list[Token]) -> int:
    """The number of tokens before the first action."""
    count = 0
    while count < len(found) and text[found[count].start : found[count].end].upper() in _BEFORE_NAME:
        count += 1
    count += 1
    while count + 1 < len(found) and text[found[count].start : found[count].end] == ".":
        count += 2
    return count + (count < len(found) and text[found[count].start : found[count].end] == "*")

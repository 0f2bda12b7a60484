"""Random parse trees: made from the parser's own protobuf descriptors, or real ones with parts dropped and replaced."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ctgitops.sql.nodes import Node
from ctgitops.sql.parse import trees
from tests.lint.examples import RULES, TABLES

NODE: Descriptor = import_module("postgast.pg_query_pb2").Node.DESCRIPTOR
KINDS: dict[str, Descriptor] = {field.json_name: field.message_type for field in NODE.fields}
"""Every message type that can stand where a node does, by the name that the JSON has for it."""
STATEMENTS = tuple(kind for kind in KINDS if kind.endswith("Stmt"))
LARGEST = 150
"""Nodes of a tree."""
WORDS = (
    "orders",
    "customers",
    "id",
    "note",
    "public",
    "pg_catalog",
    "set_config",
    "search_path",
    "count",
    "int4",
    "varchar",
    "concurrently",
    "language",
    "as",
    "plpgsql",
    "sql",
    "begin perform 1; end",
    "select 1",
    "volatility",
    "schema",
    "C",
    "record_migration",
    "nextval",
    "format",
    "%s %I",
    "to_regclass",
    "pg_class",
    "relname",
    "=",
    "||",
    "t",
    "é",
    "",
    "timezone",
)
NUMBERS = (1, 2, -1, 5, 2**31 - 1)


class Generator:
    """A reproducible source of trees."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - reproducible
        self.met: set[str] = set()
        """The kinds that the trees had so far."""
        self._left = 0
        self._real = [(tree.kind, tree.node) for sql in _examples() for tree in trees(sql)]

    def statement(self, index: int) -> tuple[str, Node]:
        """A tree; from one index to the next each kind of node is the root of one."""
        self._left = LARGEST
        if index % 2:
            kind, node = copy.deepcopy(self.random.choice(self._real))
            return kind, self._mutated(node)
        kinds = STATEMENTS if index % 4 else tuple(KINDS)
        kind = kinds[index // 4 % len(kinds)]
        return kind, self._message(kind, KINDS[kind], 0)

    def _message(self, kind: str, message: Descriptor, depth: int) -> Node:
        self.met.add(kind)
        self._left -= 1
        density = self.random.choice((0.15, 0.5, 0.9))
        node: Node = {}
        for field in message.fields:
            taken = field.containing_oneof and any(f.json_name in node for f in field.containing_oneof.fields)
            if self.random.random() < density and self._left > 0 and depth < 12 and not taken:
                value = self._value(field, depth)
                if value not in (None, [], 0, "", False):  # as in proto3, what is the default is left out
                    node[field.json_name] = value
        return node

    def _value(self, field: FieldDescriptor, depth: int) -> Any:
        if field.is_repeated:
            return [self._one(field, depth) for _ in range(self.random.choice((0, 1, 1, 2, 3)))]
        return self._one(field, depth)

    def _one(self, field: FieldDescriptor, depth: int) -> Any:
        if field.message_type is NODE:
            return self.node(depth + 1)
        if field.message_type is not None:
            return self._message(field.message_type.name, field.message_type, depth + 1)
        if field.enum_type is not None:
            return self.random.choice(field.enum_type.values).name
        if field.type == FieldDescriptor.TYPE_BOOL:
            return True
        if field.type in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}:
            return self.random.choice(WORDS)
        return self.random.choice(NUMBERS)

    def node(self, depth: int = 0) -> Node:
        """Any node, names and columns more often than others; now and then none, as a list's NULL is written."""
        if self.random.random() < 0.05:
            return {}
        kind = self.random.choice(("String", "ColumnRef", "A_Const", "FuncCall", "TypeName", "RangeVar", *[""] * 6))
        kind = kind or self.random.choice(tuple(KINDS))
        return {kind: self._message(kind, KINDS[kind], depth)}

    def _mutated(self, node: Node) -> Node:
        """A few parts of a real tree dropped, or replaced by nodes where a node is."""
        for _ in range(self.random.choice((0, 1, 1, 2, 4))):
            places = list(_places(node))
            if not places:
                break
            holder, key = self.random.choice(places)
            value = holder[key]
            is_node = isinstance(value, dict) and len(value) == 1 and next(iter(value))[:1].isupper()
            if is_node and self.random.random() < 0.7:
                holder[key] = self.node(6)
            elif isinstance(holder, dict):
                del holder[key]
        return node


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Each part of a tree, by what holds it; the mark of a node's kind is not a part."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if not (isinstance(key, str) and key[:1].isupper()):
            yield node, key
        if isinstance(value, (dict, list)):
            yield from _places(value)


def _examples() -> Iterator[str]:
    yield TABLES
    for rule in RULES:
        yield from (rule.bad, rule.good, rule.given)

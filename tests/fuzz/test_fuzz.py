"""Every analysis of SQL reads every node that the parser can give.

CTGITOPS_TREES asks for another number of trees than CI has, as `make nightly` does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from unittest import mock

import pytest

from ctgitops.sql import plpgsql
from ctgitops.sql.guard import SqlSyntaxError
from ctgitops.sql.nodes import Node, walk
from ctgitops.sql.script import Script
from tests.fuzz import blocks
from tests.fuzz.analyses import failures, lint_failures, linter
from tests.fuzz.blocks import BlockGenerator
from tests.fuzz.trees import KINDS, Generator

SAMPLE = 300
EACH = 1_000
"""Trees of one test."""
MANY = int(os.environ.get("CTGITOPS_TREES", "10000"))
SEED = int(os.environ.get("CTGITOPS_TREE_SEED", "1"))
NEW_SCHEMA = 50
"""Trees after which the catalogue begins again."""


def fuzz_trees(seed: int, count: int) -> set[str]:
    """Fails for the first trees that an analysis fails on; gives the kinds of node that the trees had."""
    generator, found, by = Generator(seed), dict[str, str](), linter()
    for index in range(count):
        by = by if index % NEW_SCHEMA else linter()
        kind, node = generator.statement(index)
        for failure in failures(kind, node, by):
            found.setdefault(failure, f"{kind}: {node}")
    assert found == {}
    return generator.met


def fuzz_blocks(seed: int, count: int) -> set[str]:
    """The same of PL/pgSQL blocks, each as it was parsed and with parts dropped."""
    generator, found, met = BlockGenerator(seed), dict[str, str](), set[str]()
    by = linter()
    for index in range(count):
        by = by if index % NEW_SCHEMA else linter()
        body = generator.body(index)
        tree = generator.trees(body)
        met |= {kind for kind, _ in walk(tree)}
        script = Script(f"do $block${body}$block$", "001_fuzzed.sql")
        said = lint_failures(script, by)
        with mock.patch.object(plpgsql, "parse_body", parsed_as(body, tree)):
            said += lint_failures(script, by)
        for failure in said:
            found.setdefault(failure, body)
    assert found == {}
    return met


def parsed_as(body: str, tree: list[Node]) -> Callable[..., list[Node]]:
    """A parser that gives this tree for a body; blocks inside of it have their own."""
    real = plpgsql.parse_body
    return lambda text, command="do": tree if text == body else real(text, command)


def test_analyses_read_a_sample_of_trees() -> None:
    fuzz_trees(SEED, SAMPLE)


def test_analyses_read_a_sample_of_blocks() -> None:
    assert blocks.KINDS - fuzz_blocks(SEED, len(blocks.FORMS)) == set()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(-(-MANY // EACH)))
def test_analyses_read_many_trees_with_every_kind_of_node(part: int) -> None:
    assert set(KINDS) - fuzz_trees(SEED * 1_000_000 + part, min(MANY, EACH)) == set()
    assert blocks.KINDS - fuzz_blocks(SEED * 1_000_000 + part, EACH // 16) == set()


def test_the_grammar_of_blocks_is_what_postgresql_accepts() -> None:
    generator = BlockGenerator(SEED)
    for index in range(len(blocks.FORMS)):
        body = generator.body(index)
        try:
            plpgsql.parse_body(body)
        except SqlSyntaxError as error:
            pytest.fail(f"{error.message}: {body}")

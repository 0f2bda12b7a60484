"""The order of repeatable files: a file runs after the files whose views, functions or types it uses. Pure."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from ...sql.guard import NotAnalysedError
from ...sql.parse import SqlSyntaxError
from ...sql.schema_objects import names_made
from ...sql.tokens import Kind, tokens

if TYPE_CHECKING:
    from ..migration.migration import Seed

_WORD = re.compile(r"[\w$]+")


def in_dependency_order(files: tuple[Seed, ...]) -> tuple[Seed, ...]:
    """The files, each after the files that create an object it names. Otherwise, and in a cycle, the order is kept."""
    makers = [(index, name) for index, file in enumerate(files) for name in _made(file)]
    words = [_words(file) for file in files]
    needs = {
        user: {maker for maker, name in makers if maker != user and name in words[user]} for user in range(len(files))
    }
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError:
        return files
    ordered: list[Seed] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += [files[index] for index in ready]
        sorter.done(*ready)
    return tuple(ordered)


def _made(file: Seed) -> frozenset[str]:
    try:
        return names_made(file.script.sent)
    except (SqlSyntaxError, NotAnalysedError):  # another problem reports the file
        return frozenset()


def _words(file: Seed) -> frozenset[str]:
    """The names and words of a file in lower case. Includes those in function bodies, but not those in comments."""
    sql = file.script.sql
    texts = (sql[token.start : token.end] for token in tokens(sql) if token.kind is not Kind.COMMENT)
    return frozenset(word.lower() for text in texts for word in _WORD.findall(text))

"""Fixes that add words to one line, such as CONCURRENTLY or NOT VALID."""

from __future__ import annotations

from ..core.fix import Lines
from ..sql.parse import Tree
from ..sql.script import Script
from ..sql.tokens import Kind, tokens

_AFTER = {
    "blocking-index": "INDEX",
    "blocking-drop-index": "INDEX",
    "blocking-reindex": "",
    "blocking-refresh": "VIEW",
}
"""The keyword that CONCURRENTLY follows; in REINDEX it follows the object type."""
CONCURRENT = frozenset(_AFTER)
"""The rules whose rewrite cannot run in a transaction."""
_NOT_VALID = {"check-scan", "foreign-key-scan"}
_REINDEXED = {"TABLE", "INDEX", "SCHEMA"}


def rewrite(rule: str, script: Script, tree: Tree, *, alone: bool) -> Lines | None:
    """The corrected line; None if more than one line, or another file, would have to change.

    CONCURRENTLY needs its own file, so it is offered only if the statement is `alone` in its file.
    """
    if rule in _AFTER and alone and _one_thing(tree):
        word = concurrently(rule, script, tree)
        return _insert(script, *word) if word else None
    if rule in _NOT_VALID and len(tree.node.get("cmds", ())) == 1 and _adds_constraint(tree):
        return _insert(script, tree.end, " NOT VALID")
    return None


def _one_thing(tree: Tree) -> bool:
    return len(tree.node.get("objects", (1,))) == 1 and tree.node.get("behavior") != "DROP_CASCADE"


def _adds_constraint(tree: Tree) -> bool:
    command = tree.node.get("cmds", [{}])[0].get("AlterTableCmd", {})
    return bool(command.get("subtype") == "AT_AddConstraint")


def concurrently(rule: str, script: Script, tree: Tree) -> tuple[int, str] | None:
    """The offset in the file where CONCURRENTLY is missing, and the keyword in the file's case."""
    for token in tokens(script.sql[tree.start : tree.end]):
        word = script.sql[tree.start + token.start : tree.start + token.end].upper()
        if token.kind is Kind.WORD and (word == _AFTER[rule] or (not _AFTER[rule] and word in _REINDEXED)):
            lower = script.sql[tree.start + token.start].islower()
            return tree.start + token.end, " concurrently" if lower else " CONCURRENTLY"
    return None


def _insert(script: Script, at: int, words: str) -> Lines:
    """A fix that inserts words into one line."""
    first = script.sql.rfind("\n", 0, at) + 1
    last = script.sql.find("\n", at)
    line = script.sql[first : last if last >= 0 else len(script.sql)]
    number = script.place(at).line or 1
    return Lines(script.path, number, number, (line[: at - first] + words + line[at - first :],))

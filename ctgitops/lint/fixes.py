"""Fixes for findings: insert words into a line, or move statements to a follow-up migration."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from ..core.fix import FollowUpMigration, Lines
from ..lazy import regex
from ..sql.nodes import Node, identifier, relation_name
from ..sql.parse import SqlSyntaxError, Tree, trees
from ..sql.script import Script
from ..sql.tokens import Kind, tokens
from .added_columns import target
from .rule_input import Transaction

Fix = Callable[[Script, Tree, Transaction], Lines | None]
"""Fixes one statement of a file. Returns None if a fix is impossible, or if its result would not be valid SQL."""
_END = regex(r"\s*;")
_LONGEST = 63
"""Maximum length of an identifier, in bytes."""


def concurrently(*keywords: str) -> Fix:
    """A fix that inserts CONCURRENTLY after one of the keywords. Fixes only a statement that is alone in its file."""

    def fix(script: Script, tree: Tree, transaction: Transaction) -> Lines | None:
        several = len(tree.node.get("objects", (1,))) > 1 or tree.node.get("behavior") == "DROP_CASCADE"
        # No fix if BEGIN and COMMIT enclose the statement, because the fix would have to remove both
        if transaction.statements > 1 or several or script.sent != script.sql:
            return None
        word = _missing(keywords, script, tree)
        return _insert(script, *word) if word else None

    return fix


def build_concurrently(script: Script, tree: Tree, transaction: Transaction) -> Lines | None:
    """Inserts CONCURRENTLY into CREATE INDEX. If the file has other statements, moves it to a follow-up migration."""
    if transaction.statements == 1:
        return concurrently("INDEX")(script, tree, transaction)
    return _follow_up(transaction, _built(script, tree))


def not_valid(script: Script, tree: Tree, transaction: Transaction) -> Lines | None:
    """Adds NOT VALID to a constraint, which must have a name. A follow-up migration validates the constraint."""
    if _only(tree).get("subtype") != "AT_AddConstraint":
        return None
    one = _insert(script, tree.end, " NOT VALID")
    return _follow_up(transaction, _validated(script, tree, one)) or one


def proved_not_null(script: Script, tree: Tree, transaction: Transaction) -> Lines | None:
    """Replaces SET NOT NULL by a CHECK. A follow-up migration validates the CHECK, sets NOT NULL, drops the CHECK."""
    return _follow_up(transaction, _proved(script, tree))


def _follow_up(transaction: Transaction, made: Lines | None) -> Lines | None:
    """Returns the fix `made`. None if the file is not one transaction, or if the follow-up is not valid SQL."""
    if not transaction.whole or transaction.batched or made is None or made.then is None:
        return None
    try:
        found = trees("\n".join((made.then.sql, made.then.rollback, made.then.also)))
    except SqlSyntaxError:
        return None  # for example, a name is a keyword
    return made if found else None


def _validated(script: Script, tree: Tree, one: Lines) -> Lines | None:
    name = target(_only(tree)).get("conname", "")
    table, constraint = _table(tree.node), identifier(name)
    if not name:
        return None
    validate = f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};"
    add = script.sql[script.first_word(tree.start, tree.end) : tree.end]
    rollback = f"ALTER TABLE {table} DROP CONSTRAINT {constraint};\n{add} NOT VALID;"
    return replace(one, then=FollowUpMigration(f"validate {name}", validate, rollback, needed=False))


def _proved(script: Script, tree: Tree) -> Lines | None:
    command = _only(tree)
    if command.get("subtype") != "AT_SetNotNull" or not tree.node.get("relation", {}).get("inh"):
        return None
    bare, table, column = relation_name(tree.node.get("relation", {}))[1], _table(tree.node), command.get("name", "")
    check, named = identifier(f"{bare}_{column}_not_null"), identifier(column)
    if len(f"{bare}_{column}_not_null".encode()) > _LONGEST:
        return None
    add = f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({named} IS NOT NULL) NOT VALID;"
    then = FollowUpMigration(
        words=f"make {bare} {column} not null",
        sql=f"ALTER TABLE {table} VALIDATE CONSTRAINT {check};\n"
        f"ALTER TABLE {table} ALTER COLUMN {named} SET NOT NULL;\n"
        f"ALTER TABLE {table} DROP CONSTRAINT {check};",
        rollback=f"{add}\nALTER TABLE {table} ALTER COLUMN {named} DROP NOT NULL;",
        also=f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check};",
    )
    return _instead(script, tree, (add,), then)


def _built(script: Script, tree: Tree) -> Lines | None:
    """Moves a CREATE INDEX to a follow-up migration. None if the rest of the file mentions the index."""
    name, schema = tree.node.get("idxname", ""), tree.node.get("relation", {}).get("schemaname")
    elsewhere = script.sql[: tree.start] + script.sql[tree.end :]
    word = _missing(("INDEX",), script, tree)
    if not name or word is None or re.search(rf"\b{re.escape(name)}\b", elsewhere):
        return None
    at = script.first_word(tree.start, tree.end)
    build = script.sql[at : word[0]] + word[1] + script.sql[word[0] : tree.end]
    index = ".".join(identifier(part) for part in (schema, name) if part)
    then = FollowUpMigration(f"build {name}", f"{build};", f"DROP INDEX CONCURRENTLY IF EXISTS {index};", makes=name)
    return _instead(script, tree, (), then)


def _missing(keywords: tuple[str, ...], script: Script, tree: Tree) -> tuple[int, str] | None:
    """Where to insert CONCURRENTLY, and the word in the letter case of the file. None if it is already present."""
    text = script.sql[tree.start : tree.end]
    for token in tokens(text):
        word = text[token.start : token.end]
        if token.kind is Kind.WORD and word.upper() in keywords:
            return tree.start + token.end, " concurrently" if word[0].islower() else " CONCURRENTLY"
    return None


def _insert(script: Script, at: int, words: str) -> Lines:
    """A fix that inserts words into one line."""
    first = script.sql.rfind("\n", 0, at) + 1
    last = script.sql.find("\n", at)
    line = script.sql[first : last if last >= 0 else len(script.sql)]
    number = script.place(at).line or 1
    return Lines(script.path, number, number, (line[: at - first] + words + line[at - first :],))


def _instead(script: Script, tree: Tree, lines: tuple[str, ...], then: FollowUpMigration) -> Lines | None:
    """Replaces a statement by `lines`. None if the statement shares its lines with other text."""
    at, end = script.first_word(tree.start, tree.end), tree.end
    if mark := _END.match(script.sql, tree.end):
        end = mark.end()
    before = script.sql[script.sql.rfind("\n", 0, at) + 1 : at]
    after = script.sql[end : (script.sql + "\n").find("\n", end)]
    first, last = script.place(at).line, script.place(end).line
    if before.strip() or after.strip() or first is None or last is None:
        return None
    return Lines(script.path, first, last, lines, then)


def _only(tree: Tree) -> Node:
    """The only action of an ALTER TABLE. Empty if there are several actions."""
    commands = tree.node.get("cmds", ())
    return commands[0].get("AlterTableCmd", {}) if len(commands) == 1 else {}


def _table(node: Node) -> str:
    return ".".join(identifier(part) for part in relation_name(node.get("relation", {})) if part)

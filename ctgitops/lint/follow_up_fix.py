"""Fixes that move a part of a migration to a second one, because both must not run in one transaction."""

from __future__ import annotations

import re
from dataclasses import replace

from ..core.fix import Following, Lines
from ..sql.nodes import Node
from ..sql.parse import SqlSyntaxError, Tree, trees
from ..sql.script import Script
from .added_columns import target
from .inline_fix import concurrently
from .nodes import identifier, relation_name

_END = re.compile(r"\s*;")
_LONGEST = 63


def split(rule: str, script: Script, tree: Tree, one: Lines | None) -> Lines | None:
    """Adds a follow-up migration to the in-file rewrite `one`, or returns a rewrite that needs two files."""
    made = None
    if rule in {"check-scan", "foreign-key-scan"} and one:
        made = _validated(script, tree, one)
    elif rule == "not-null-scan":
        made = _proved(script, tree)
    elif rule == "blocking-index" and one is None:
        made = _built(script, tree)
    return made if made and made.then and _is_sql(made) else one


def _is_sql(made: Lines) -> bool:
    then = made.then
    try:
        return not then or bool(trees("\n".join((then.sql, then.rollback, then.also))))
    except SqlSyntaxError:
        return False  # the name is a keyword


def _validated(script: Script, tree: Tree, one: Lines) -> Lines | None:
    """Adds the constraint NOT VALID; the follow-up validates it, for which the constraint needs a name."""
    name = target(_only(tree)).get("conname", "")
    table, constraint = _table(tree.node), identifier(name)
    if not name:
        return None
    validate = f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};"
    add = script.sql[script.first_word(tree.start, tree.end) : tree.end]
    rollback = f"ALTER TABLE {table} DROP CONSTRAINT {constraint};\n{add} NOT VALID;"
    return replace(one, then=Following(f"validate {name}", validate, rollback, needed=False))


def _proved(script: Script, tree: Tree) -> Lines | None:
    """Adds a CHECK; the follow-up validates it, sets NOT NULL, which the CHECK proves, and drops the CHECK."""
    command = _only(tree)
    if command.get("subtype") != "AT_SetNotNull" or not tree.node.get("relation", {}).get("inh"):
        return None
    bare, table, column = relation_name(tree.node.get("relation", {}))[1], _table(tree.node), command.get("name", "")
    check, named = identifier(f"{bare}_{column}_not_null"), identifier(column)
    if len(f"{bare}_{column}_not_null".encode()) > _LONGEST:
        return None
    add = f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({named} IS NOT NULL) NOT VALID;"
    then = Following(
        words=f"make {bare} {column} not null",
        sql=f"ALTER TABLE {table} VALIDATE CONSTRAINT {check};\n"
        f"ALTER TABLE {table} ALTER COLUMN {named} SET NOT NULL;\n"
        f"ALTER TABLE {table} DROP CONSTRAINT {check};",
        rollback=f"{add}\nALTER TABLE {table} ALTER COLUMN {named} DROP NOT NULL;",
        also=f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check};",
    )
    return _instead(script, tree, (add,), then)


def _built(script: Script, tree: Tree) -> Lines | None:
    """Moves the statement to a follow-up with CONCURRENTLY, unless the rest of this file mentions the index."""
    name, schema = tree.node.get("idxname", ""), tree.node.get("relation", {}).get("schemaname")
    elsewhere = script.sql[: tree.start] + script.sql[tree.end :]
    word = concurrently("blocking-index", script, tree)
    if not name or word is None or re.search(rf"\b{re.escape(name)}\b", elsewhere):
        return None
    at = script.first_word(tree.start, tree.end)
    build = script.sql[at : word[0]] + word[1] + script.sql[word[0] : tree.end]
    index = ".".join(identifier(part) for part in (schema, name) if part)
    then = Following(f"build {name}", f"{build};", f"DROP INDEX CONCURRENTLY IF EXISTS {index};", makes=name)
    return _instead(script, tree, (), then)


def _instead(script: Script, tree: Tree, lines: tuple[str, ...], then: Following) -> Lines | None:
    """Replaces a statement by these lines, if no other text shares its lines."""
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
    """The action of an ALTER TABLE that has one action; empty if it has several."""
    commands = tree.node.get("cmds", ())
    return commands[0].get("AlterTableCmd", {}) if len(commands) == 1 else {}


def _table(node: Node) -> str:
    return ".".join(identifier(part) for part in relation_name(node.get("relation", {})) if part)

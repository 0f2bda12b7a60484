"""Finds markers of other migration tools: comments that tell the tool which part of a file to run, and how.

PostgreSQL ignores these comments. Run as plain SQL, a goose file creates its objects and then drops them. The patterns
are those of the tools' own parsers and templates. A comment in prose that merely uses the same words does not match.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from ...lazy import dataclass, regex
from ...sql.tokens import Kind, comment_lines, tokens
from ..migration.migration_name import rollback_path
from ..problem import Problem

if TYPE_CHECKING:
    from ...sql.script import Script

_FLAGS = re.MULTILINE | re.IGNORECASE
_ENGINES = "pg|postgres|postgresql|cockroach|yugabyte|redshift"


@dataclass(frozen=True)
class _Tool:
    """A tool and its markers, as patterns for the text of a line after its leading white space."""

    name: str
    marks: str
    down: str = ""
    """The marker above the rollback SQL."""
    hint: str = ""
    """The advice for this tool. Empty for the usual advice, which is to split the file or delete the markers."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(rf"^[ \t]*(?:{self.marks})", _FLAGS)

    @cached_property
    def turns(self) -> re.Pattern[str] | None:
        return re.compile(rf"^[ \t]*(?:{self.down})", _FLAGS) if self.down else None


_NO_TRANSACTION = "replace the line with `-- ctgitops: no transaction`"
_ONE_DIRECTION = "keep the SQL below `!Ups`, move the SQL below `!Downs` into a .down.sql, and delete both lines"
_TOOLS = (
    _Tool("goose", r"--\s*\+goose\b", r"--\s*\+goose[ \t]+down\b"),
    _Tool("sql-migrate", r"--\s*\+migrate\b", r"--\s*\+migrate[ \t]+down\b"),
    _Tool("micrate", r"--\s*\+micrate\b", r"--\s*\+micrate[ \t]+down\b"),
    _Tool("tern", r"----[ \t]*create above / drop below[ \t]*----", r"----[ \t]*create above"),
    _Tool("tern", r"----[ \t]*tern:[ \t]*disable-tx[ \t]*----", hint=_NO_TRANSACTION),
    _Tool(
        "Liquibase",
        r"--[ \t]*liquibase[ \t]+formatted|--[ \t]*changeset[ \t]+[^\s:]+:\S",
        hint="keep the SQL of the changesets, delete the Liquibase comments, and move the SQL of `--rollback`",
    ),
    _Tool(
        "sqitch",
        rf"--[ \t]*(?:deploy \S+ to|revert \S+ from|verify \S+ on)[ \t]+(?:{_ENGINES})[ \t]*$",
        hint="delete the line; the file in `deploy/` becomes the migration, the one in `revert/` its .down.sql file, "
        "and the one in `verify/` its .verify.sql file",
    ),
    _Tool("graphile-migrate", r"--![ \t]*(?:previous|hash|message|split|no-transaction|allowinvalidhash|included?)\b"),
    _Tool("MyBatis Migrations or dbdeploy", r"--[ \t]*(?://)?[ \t]*@undo\b", r"--[ \t]*(?://)?[ \t]*@undo\b"),
    _Tool("rambler", r"--[ \t]*rambler[ \t]+(?:up|down)[ \t]*$", r"--[ \t]*rambler[ \t]+down"),
    _Tool("shmig", r"--[ \t]*====[ \t]*(?:up|down)[ \t]*====", r"--[ \t]*====[ \t]*down"),
    _Tool("Mojo::Pg", r"--[ \t]*[0-9]+[ \t]+(?:up|down)[ \t]*$", r"--[ \t]*[0-9]+[ \t]+down"),
    _Tool("Play evolutions", r"--[ \t-]*!(?:ups|downs)\b", r"--[ \t-]*!downs"),
    _Tool("postgres-migrations", r"--[ \t]*postgres-migrations[ \t]+disable-transaction\b", hint=_NO_TRANSACTION),
    _Tool("Evolve", r"--[ \t]*evolve-tx-off\b", hint=_NO_TRANSACTION),
    _Tool(
        "Atlas",
        r"--[ \t]*atlas:(?:txmode|delimiter|checkpoint|txtar|import|assert)\b",
        hint=f"delete the line; for `txmode none`, {_NO_TRANSACTION}",
    ),
    _Tool(
        "yoyo",
        r"--[ \t]*(?:depends:(?:[ \t]+[0-9]\S*)+|transactional:[ \t]*(?:true|false))[ \t]*$",
        hint="delete the line: files run in the order of their numbers; list dependencies in the header field "
        "`Dependencies`; if the line says `transactional: false`, " + _NO_TRANSACTION,
    ),
)
_PAIRS = (
    _Tool("node-pg-migrate", r"--[ \t-]*up[ \t]+migration\b", r"--[ \t-]*down[ \t]+migration\b"),
    _Tool(
        "node-sqlite or similar",
        r"--[^\w\n]*(?:migration[ \t:]+)?up[^\w\n]*$",
        r"--[^\w\n]*(?:migration[ \t:]+)?down[^\w\n]*$",
    ),
)
"""Lines that are markers only as a pair. People also write a single such line as a comment above SQL."""
_LIKE_GOOSE = r"--[ \t]*\+([a-z][\w-]*)[ \t]+(?:up|down|statement_?(?:begin|end)|no[_ -]?transaction)\b"
"""The marker format that many tools copied from goose. Each tool uses its own name as the prefix."""
_FORKED = regex(rf"^[ \t]*{_LIKE_GOOSE}", _FLAGS)
_PATTERNS = [part for tool in (*_TOOLS, *_PAIRS) for part in (tool.marks, tool.down) if part]
_ANY = regex(rf"^[ \t]*(?:{'|'.join([*_PATTERNS, _LIKE_GOOSE])})", _FLAGS)
"""One pattern for all markers. One search shows that a file contains no marker, and most files contain none."""
_SQLX = regex(r"\s*--[ \t]*no-transaction[ \t]*$", re.MULTILINE)
_PLAY = regex(r"^#[ \t-]*!(?:ups|downs)\b.*$", _FLAGS)
_FLYWAY = "${flyway:"


def other_tool(script: Script) -> Problem | None:
    """A problem for the first marker of another tool in a script. None if there is none."""
    if "--" not in script.sql and _FLYWAY not in script.sql:
        return None
    found = sorted(_found(script), key=lambda each: each[1])
    if not found:
        return None
    tool, at, mark = found[0]
    what = f"`{' '.join(mark.split())[:60]}` is a directive of {tool.name}, and ctgitops does not run {tool.name} files"
    return Problem("other-tool", what, script.place(at), _hint(tool, script))


def _found(script: Script) -> Iterator[tuple[_Tool, int, str]]:
    if _ANY.search(script.sql):
        yield from _marked(script)
        yield from _both_ways(script)
    if mark := _SQLX.match(script.sql):
        yield _Tool("sqlx", "", hint=_NO_TRANSACTION), _at(mark), mark[0]
    if mark := _PLAY.search(script.sql):
        yield _Tool("Play evolutions", "", hint=_ONE_DIRECTION), mark.start(), mark[0]
    yield from _flyway(script.sql)


def _marked(script: Script) -> Iterator[tuple[_Tool, int, str]]:
    for tool in _TOOLS:
        if mark := next(comment_lines(tool.pattern, script.sql), None):
            yield tool, _at(mark), _line(script.sql, _at(mark))
    if mark := next(comment_lines(_FORKED, script.sql), None):
        name = mark[1].lower()
        yield _Tool(name, "", rf"--[ \t]*\+{name}[ \t]+down\b"), _at(mark), _line(script.sql, _at(mark))


def _both_ways(script: Script) -> Iterator[tuple[_Tool, int, str]]:
    for tool in _PAIRS:
        up, down = (next(comment_lines(each, script.sql), None) for each in (tool.pattern, tool.turns) if each)
        if up and down:
            yield tool, min(_at(up), _at(down)), _line(script.sql, min(_at(up), _at(down)))


def _flyway(sql: str) -> Iterator[tuple[_Tool, int, str]]:
    """Yields each Flyway placeholder that is not in a comment."""
    for token in tokens(sql) if _FLYWAY in sql else ():
        at = sql.find(_FLYWAY, token.start, token.end)
        if at >= 0 and token.kind is not Kind.COMMENT:
            end = sql.find("}", at) + 1 or at + len(_FLYWAY)
            yield _Tool("Flyway", "", hint="replace the placeholder with the value"), at, sql[at:end]


def _at(mark: re.Match[str]) -> int:
    return mark.end() - len(mark[0].lstrip())


def _line(sql: str, at: int) -> str:
    return sql[at : (sql + "\n").find("\n", at)].strip()


def _hint(tool: _Tool, script: Script) -> str:
    down = rollback_path(script.path)
    if tool.name == "Liquibase":
        return f"{tool.hint} into {down}"
    if tool.hint:
        return tool.hint
    marks = f"delete the {tool.name} directives"
    turn = next(comment_lines(tool.turns, script.sql), None) if tool.turns else None
    if turn is None:
        return f"{marks}; for a directive that disables the transaction, {_NO_TRANSACTION}"
    below = f"the SQL below line {script.place(_at(turn)).line}, `{_line(script.sql, _at(turn))[:60]}`,"
    if not script.path.startswith("migrations/") or ".down." in script.path:
        return f"keep the SQL of one direction: remove {below} or the SQL above it; and {marks}"
    return f"move {below} into {down}, and {marks}"

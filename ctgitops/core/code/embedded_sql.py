"""SQL in SQL files, string literals and templates, and the tables and columns that the SQL names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, cached_property
from itertools import pairwise

from ...lazy import dataclass
from .source import Source, SourceKind, without
from .spelling import Spelling, any_of

_START = re.compile(
    r"(?:[\s(]|--[^\n]*\n|/\*.*?\*/)*(?:select|insert\s+into|update|delete\s+from|with|merge\s+into|create|alter|drop|"
    r"truncate|copy|explain|declare|lock|refresh|comment\s+on|(?:(?:left|right|full|inner|cross)\s+)?join)\b",
    re.IGNORECASE | re.DOTALL,
)
_CONTINUES = re.compile(
    r"\s*(?:from|where|and|or|join|left|inner|set|values|order|group|having|limit|on|returning)\b", re.I
)
_GAP = re.compile(r"['\"`]{1,3}[\s+\\.]*(?:[\w.()]+\s*\+\s*)?[rfbu]?['\"`]{1,3}")
_LONGEST_GAP = 120
_LIST_GAP = re.compile(r"['\"`],\s*['\"`]")
_LOOSE = re.compile(
    r"\b(?:select\s[^;]{0,4000}?\bfrom\s|insert\s+into|delete\s+from|update\s+[\w.\"]+\s+(?:(?:as\s+)?\w+\s+)?set|"
    r"with\s+\w+\s+as\s*\()",
    re.IGNORECASE,
)
_END = re.compile(r";|\n[ \t]*\n|</|\Z")
_END_OF_LINE = re.compile(r";|\n|\Z")
_MODEL = re.compile(r"\{\{\s*(?:ref|source)\((?:[^)]*,)?\s*['\"](\w+)['\"]\s*\)\s*\}\}|\$\{(?:\w+\.)?([\w.]+)\}")
_EXPECTS_TABLE = re.compile(r"(?:\b(?:from|join|into|update|table|only)|[,.(])\s*\Z", re.IGNORECASE)
_IGNORED = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|\{\{.{0,400}?\}\}|\{%.{0,400}?%\}|[$#]\{[^}]*\}|\{\w[\w.()]*\}|%\(\w+\)s|(?<![:\w]):\w+|[@$]\w+|'(?:''|[^'])*'",
    re.DOTALL,
)
_WORD = r"[\"`\[]?[\w$]+[\"`\]]?"
_NO_ALIAS = """where set on using join left right full inner cross natural order group having limit offset union except
    intersect values select returning for as from default when then do add alter drop rename column window fetch and
    with is"""
"""Keywords that can follow a table name. They are not aliases of the table."""
_ALIAS = rf"(?:\s+(?:as\s+)?(?!(?:{'|'.join(_NO_ALIAS.split())})\b)({_WORD}))?"
_RELATION = re.compile(
    rf"\b(from|join|into|using|update|truncate|copy|references|on\s+table|table(?:\s+if\s+(?:not\s+)?exists)?)\s+"
    rf"(?:table\s+|only\s+|lateral\s+)*\.?({_WORD}(?:\s*\.\s*{_WORD})*){_ALIAS}",
    re.IGNORECASE,
)
_MORE = re.compile(rf"\s*,\s*(?:only\s+|lateral\s+)*({_WORD}(?:\s*\.\s*{_WORD})*){_ALIAS}", re.IGNORECASE)
_SCOPE = re.compile(
    r"(?P<query>\(\s*(?=(?:select|with|insert|update|delete)\b))|(?P<bracket>\()|(?P<close>\))|"
    r"(?P<cut>;|\b(?:union|except|intersect)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Relation:
    """A table name in a statement. `at` is the name's offset in the file."""

    name: str
    alias: str
    at: int


@dataclass(frozen=True)
class Query:
    """A statement or subquery. In `text`, its inner subqueries are blanked."""

    start: int
    end: int
    outer: Query | None
    text: str

    @cached_property
    def relations(self) -> tuple[Relation, ...]:
        """The tables in the query's FROM, JOIN, INTO, UPDATE and similar clauses."""
        return tuple(_relations(self.text, self.start))


@dataclass(frozen=True)
class Segment:
    """A piece of SQL in a file."""

    start: int
    sql: str

    @property
    def end(self) -> int:
        """The offset at which the SQL ends."""
        return self.start + len(self.sql)

    @cached_property
    def queries(self) -> tuple[Query, ...]:
        """The statements and subqueries. Inner queries come first."""
        return tuple(_queries(self.sql, self.start))

    def columns(self, spelling: Spelling) -> Iterator[tuple[int, bool | None]]:
        """Yields each offset of the column's name, and whether the name means the column of this table.

        The second value is None if the statement names no table.
        """
        for match in _column(spelling).finditer(self.sql):
            if re.search(r"\bas\s+$", self.sql[: match.start()][-12:], re.IGNORECASE):
                yield self.start + match.start(2), False
                continue
            at = self.start + match.start(2)
            query = next((each for each in self.queries if each.start <= at < each.end), None)
            yield at, _means(query, _last(match[1]), spelling) if query else None


def segments(source: Source) -> tuple[Segment, ...]:
    """Every piece of SQL in the file that names at least one table."""
    found = [Segment(start, _readable(text)) for start, text in _pieces(source)]
    return tuple(each for each in found if any(query.relations for query in each.queries))


def is_table(name: str, spelling: Spelling) -> bool:
    """Whether `name` is the table's name, or the name of the class that maps it."""
    return name.lower() == spelling.changed.table.lower() or name in spelling.classes


def _pieces(source: Source) -> Iterator[tuple[int, str]]:
    if source.kind is SourceKind.SQL:
        yield 0, source.text
        return
    for pieces in _joined(source):
        start, end = pieces[0][0], pieces[-1][1]
        if _START.match(source.text, start, end):
            gaps = [(one[1] - start, two[0] - start) for one, two in pairwise(pieces)]
            yield start, without(source.text[start:end], gaps)
    ends = _END if source.kind is SourceKind.MARKUP else _END_OF_LINE
    for match in _LOOSE.finditer(source.text):
        if source.kind is SourceKind.MARKUP or not source.string_at(match.start()):
            stop = ends.search(source.text, match.end())
            yield match.start(), source.text[match.start() : stop.start() if stop else None]


def _joined(source: Source) -> Iterator[list[tuple[int, int]]]:
    """Yields groups of string literals. The code concatenates the literals of a group."""
    text = source.text
    joined: list[tuple[int, int]] = []
    for first, last in source.strings:
        end = joined[-1][1] if joined else -1
        gap = text[end:first] if joined and first - end < _LONGEST_GAP else ""
        listed = gap and _LIST_GAP.fullmatch(gap) and _CONTINUES.match(text, first, last)
        if joined and not listed and not (gap and _GAP.fullmatch(gap)):
            yield joined
            joined = []
        joined.append((first, last))
    if joined:
        yield joined


def _readable(sql: str) -> str:
    """The SQL with comments, literals and parameters blanked. A model's placeholder is replaced by the model's name."""

    def plain(match: re.Match[str]) -> str:
        value = (
            match[2]
            and "." not in match[2]
            and not _EXPECTS_TABLE.search(sql, max(0, match.start() - 20), match.start())
        )
        return match[0] if value else (match[1] or match[2]).rjust(len(match[0]))

    return _IGNORED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), _MODEL.sub(plain, sql))


def _queries(sql: str, start: int) -> list[Query]:
    """Splits SQL at semicolons, set operations and subqueries. Inner queries come first."""
    stack: list[tuple[str, int]] = [("query", 0)]
    spans: list[tuple[int, int]] = []
    for match in _SCOPE.finditer(sql):
        kind = str(match.lastgroup)
        if kind in {"query", "bracket"}:
            stack.append((kind, match.end()))
        elif kind == "close" and len(stack) > 1:
            opened, begun = stack.pop()
            spans += [(begun, match.start())] if opened == "query" else []
        elif kind == "cut" and stack[-1][0] == "query":
            spans.append((stack.pop()[1], match.start()))
            stack.append(("query", match.end()))
    spans += [(begun, len(sql)) for kind, begun in reversed(stack) if kind == "query"]
    return _nested(sql, spans, start)


def _nested(sql: str, spans: list[tuple[int, int]], start: int) -> list[Query]:
    made: list[Query] = []
    for begun, end in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
        outer = next((each for each in reversed(made) if each.start <= start + begun and start + end <= each.end), None)
        inner = sorted((a - begun, b - begun) for a, b in spans if begun <= a <= b <= end and (a, b) != (begun, end))
        made.append(Query(start + begun, start + end, outer, without(sql[begun:end], _outermost(inner))))
    return made[::-1]


def _outermost(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for span in spans:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept


def _relations(text: str, start: int) -> Iterator[Relation]:
    for match in _RELATION.finditer(text):
        keyword = match[1].lower()
        if keyword == "update" and not re.search(r"\bset\b", text[match.end(2) :], re.IGNORECASE):
            continue
        yield Relation(_last(match[2]), _last(match[3] or ""), start + match.start(2))
        more = _MORE.match(text, match.end()) if keyword == "from" else None
        while more:
            yield Relation(_last(more[1]), _last(more[2] or ""), start + more.start(1))
            more = _MORE.match(text, more.end())


def _last(name: str) -> str:
    return name.rstrip(". \n\t").rsplit(".", 1)[-1].strip().strip('"`[]')


def _means(query: Query, qualifier: str, spelling: Spelling) -> bool | None:
    """Whether a column belongs to the table. `qualifier` is empty for an unqualified column.

    None if the query names no table.
    """
    around: Query | None = query
    while around:
        for relation in around.relations:
            if not qualifier and is_table(relation.name, spelling):
                return True
            if qualifier and qualifier.lower() in {relation.alias.lower(), relation.name.lower()}:
                return is_table(relation.name, spelling)
        if not qualifier and around.relations:
            return False
        around = around.outer
    if not query.relations:
        return None
    return qualifier.lower() in {"excluded", "new", "old"} and any(is_table(r.name, spelling) for r in query.relations)


@cache
def _column(spelling: Spelling) -> re.Pattern[str]:
    words = any_of(spelling.columns)
    return re.compile(
        rf"(?<![\w$.:])((?:{_WORD}\s*\.\s*)*)[\"`\[]?({words})[\"`\]]?(?![\w$])(?!\s*\()(?!\s*\.\s*\w)", re.IGNORECASE
    )

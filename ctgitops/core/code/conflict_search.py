"""Uses of a unique constraint or index as the target of INSERT … ON CONFLICT, in SQL and in calls of ORMs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...sql.name_changes import ChangedName, ConflictTarget
from .column_use import ColumnUse, Meaning
from .embedded_sql import Segment, segments
from .source import Source, SourceKind, source_of
from .spelling import prefix_in, spelling_of

_HINT = re.compile(r"on_?\s*conflict|conflict_target|unique_?(?:by|fields)|upsert|index_elements", re.IGNORECASE)
_ON_CONFLICT = re.compile(
    r"\bon\s+conflict\s*(?:\((?P<columns>(?:[^()]|\([^()]*\))*)\)|on\s+constraint\s+\"?(?P<constraint>\w+))",
    re.IGNORECASE,
)
_INTO = re.compile(r"\binsert\s+into\s+\.?(?:[\w\"]+\s*\.\s*)*[\"`]?(\w+)|;", re.IGNORECASE)
_CALL = re.compile(
    r"\bonConflict\(\s*\(?\w+\)?\s*=>\s*\w+\s*\.(?:columns?|constraint)(?=\()"
    r"|\bon_?[cC]onflict\w*(?=\((?!\s*\(?\w+\)?\s*=>|[^()]*(?:\b(?:index_elements|constraint)\s*=|\btarget:)))"
    r"|\b(?:index_elements|unique_fields|constraint)\s*=\s*|\b(?:unique_by|conflict_target|onConflict|target):\s*(?:%[iw])?"
    r"|\bOnConflict\{\s*Columns:\s*\[\]\w*\.?Column(?=\{)|\bupsert\w*\(\s*[\w$.]+\s*,\s*(?=\[)"
)
"""Matches a call in SQLAlchemy, Django, Rails, Ecto, Kysely, Drizzle, knex or GORM, up to the column names."""
_VALUE = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`|[^,)\]}\n]*")
_STRINGS = re.compile(r"[\"'`]([^\"'`]*)[\"'`]")
_NAMES = re.compile(r"(?:\w+(?:::|\.|->))*(\w+)")


def conflict_lines(path: str, text: str, target: ConflictTarget) -> Iterator[int]:
    """The lines of a file at which an INSERT names the constraint or exactly its columns."""
    if not _HINT.search(text):
        return
    source = source_of(path, text)
    if source.kind is SourceKind.STYLE:
        return
    found = segments(source)
    places = {*_in_sql(found, target), *_in_calls(source, path, target)}
    yield from sorted({source.line(at) for at in places})


def _in_sql(found: tuple[Segment, ...], target: ConflictTarget) -> Iterator[int]:
    for segment in found:
        for match in _ON_CONFLICT.finditer(segment.sql):
            tables = [each[1] for each in _INTO.finditer(segment.sql, 0, match.start())]
            if not tables or (tables[-1] or "").lower() != target.table.lower():
                continue
            names = {_column(element) for element in re.split(r",(?![^()]*\))", match["columns"] or "")}
            if match["constraint"] == target.constraint or (match["columns"] and _is_target(names, target)):
                yield segment.start + match.start()


def _column(element: str) -> str:
    """The column name in one element of ON CONFLICT, without collation and operator class. Empty for an expression."""
    word = re.fullmatch(r"\s*[\"`]?(\w+)[\"`]?(?:\s+[\w.\" ]+)?", element)
    return word[1] if word else ""


def _is_target(names: set[str], target: ConflictTarget) -> bool:
    return {_folded(name) for name in names} == {_folded(column) for column in target.columns}


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _in_calls(source: Source, path: str, target: ConflictTarget) -> Iterator[int]:
    for match in _CALL.finditer(source.text):
        start, end = match.end(), _end(source, match.end())
        names = _named(source.text[start:end])
        columns = _is_target(names, target) and _of_table(source, path, target, (start, end))
        if columns or names == {target.constraint}:
            yield start


def _end(source: Source, start: int) -> int:
    closed = source.brackets.closes.get(start)
    value = _VALUE.match(source.text, start)
    return closed if closed is not None else value.end() if value else start


def _named(text: str) -> set[str]:
    """The names in the text's string literals. If the text has no literal, returns the names of fields and symbols."""
    strings = [part.strip() for each in _STRINGS.findall(text) for part in each.split(",")]
    return set(strings or _NAMES.findall(text))


def _of_table(source: Source, path: str, target: ConflictTarget, span: tuple[int, int]) -> bool:
    """Whether a column of the table is used in the span."""
    prefix = prefix_in(path, source.text, target.table)
    for column in filter(None, target.columns):
        spelling = spelling_of(ChangedName(target.table, column), prefix)
        use = ColumnUse(source, spelling)
        wanted = {Meaning.YES} if spelling.needs_table else {Meaning.YES, Meaning.UNKNOWN}
        if any(use.meaning(at, end) in wanted for at, end in use.places() if span[0] <= at < span[1]):
            return True
    return False

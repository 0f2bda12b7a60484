"""The lines of a file that refer to a table or to a column of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain

from ...sql.name_changes import ConflictTarget, SearchedName
from .call_chain import handles_of
from .column_use import ColumnUse, Meaning
from .conflict_search import conflict_lines
from .embedded_sql import Segment, is_table, segments
from .message import is_message
from .source import Source, SourceKind, source_of
from .spelling import Spelling, any_of, distinctive, pascal, prefix_in, spelling_of

_MAPPED = (
    r"(?:__tablename__|db_table|tableName|table_name|TABLE)\s*[=:]\s*[\"'](?:\w+\.)?{table}[\"']|@@map\([\"']{table}[\"']|\btable:{table}\b"
    r"|TableName\(\)[^\n]*[\"'`]{table}[\"'`]|(?:ForeignKey|references|REFERENCES)\(\s*[\"'](?:\w+\.)?{table}\.\w+[\"']"
    r"|@(?:Entity|Table)\([^)\n]*[\"']{table}[\"']"
)
_QUOTED_ALIAS = re.compile(r"[\"'`](?:\w+\.)?(\w+)\s+as\s+(\w+)[\"'`]")
_BOUND_ALIAS = re.compile(r"\b(\w+) in ([A-Z]\w*)\b")


def lines_of(path: str, text: str, those: Iterable[SearchedName]) -> Iterator[tuple[SearchedName, int]]:
    """The line numbers at which the file refers to each name in `those`. Yields each line at most once per name."""
    lower = text.lower()
    source: Source | None = None
    found: tuple[Segment, ...] = ()
    for changed in those:
        if isinstance(changed, ConflictTarget):
            yield from ((changed, line) for line in conflict_lines(path, text, changed))
            continue
        spelling = spelling_of(changed, prefix_in(path, text, changed.table))
        if not all(any(word in lower for word in group) for group in spelling.hints):
            continue
        if not _has_words(text, spelling):
            continue
        if source is None:
            source = source_of(path, text)
            found = segments(source) if source.kind is not SourceKind.STYLE else ()
        places = _columns(source, found, spelling) if changed.column else _tables(source, found, spelling)
        yield from ((changed, line) for line in sorted({source.line(at) for at in places}))


def _has_words(text: str, spelling: Spelling) -> bool:
    """Whether the text contains the column as a word. With `needs_table`, the text must also contain the table."""
    return all(each.search(text) for each in _words(spelling))


@cache
def _words(spelling: Spelling) -> tuple[re.Pattern[str], ...]:
    column = spelling.changed.column
    columns = (_word({column}),) if column else ()
    return columns if column and not spelling.needs_table else (*columns, _word(spelling.names))


def _word(names: Iterable[str]) -> re.Pattern[str]:
    """A pattern for a name as a separate word, or as a part of a longer name such as `findByEmail`."""
    cased = {spelled for name in names for spelled in (name, name.replace("_", ""))}
    big = any_of(pascal(name) for name in names)
    return re.compile(rf"(?i:(?<![a-z\d]){any_of(cased)}(?![a-z\d]))|{big}(?![a-z])")


def _columns(source: Source, found: tuple[Segment, ...], spelling: Spelling) -> Iterator[int]:
    said = {at: means for segment in found for at, means in segment.columns(spelling)}
    yield from (at for at, means in said.items() if means or (means is None and not spelling.needs_table))
    use = ColumnUse(source, spelling, *_aliases(source, found, spelling))
    wanted = {Meaning.YES} if spelling.needs_table else {Meaning.YES, Meaning.UNKNOWN}
    for at, end in use.places():
        if not any(each.start <= at < each.end for each in found) and use.meaning(at, end) in wanted:
            yield at


def _aliases(source: Source, found: tuple[Segment, ...], spelling: Spelling) -> tuple[frozenset[str], frozenset[str]]:
    """The table's aliases, and the aliases of other tables.

    Reads SQL, `from('users as u')` and Ecto's `u in User`. An alias that names both this and another table is in
    neither set.
    """
    named = [(each.name, each.alias) for segment in found for query in segment.queries for each in query.relations]
    named += _QUOTED_ALIAS.findall(source.text)
    named += [(name, alias) for alias, name in _BOUND_ALIAS.findall(source.text)]
    ours = {alias for name, alias in named if is_table(name, spelling) or name in spelling.tables}
    others = {alias for name, alias in named if not is_table(name, spelling) and name not in spelling.tables}
    return frozenset(ours - others - {""}), frozenset(others - ours - {""})


def _tables(source: Source, found: tuple[Segment, ...], spelling: Spelling) -> Iterator[int]:
    for segment in found:
        for query in segment.queries:
            yield from (each.at for each in query.relations if is_table(each.name, spelling))
    if source.kind in {SourceKind.STYLE, SourceKind.DATA, SourceKind.SQL}:
        return
    table = any_of(spelling.tables)
    ways = [_MAPPED.replace("{table}", re.escape(spelling.changed.table))]
    if distinctive(spelling.changed.table):
        ways.append(rf"(?<![\w$])(?:{table}|{any_of(spelling.classes | spelling.variables)})(?![\w$])")
    for pattern in (re.compile("|".join(ways)), handles_of(spelling).named):
        for match in chain.from_iterable(
            pattern.finditer(source.text, *lines) for lines in source.lines_with(spelling.table_word, 1)
        ):
            within = source.string_at(match.start())
            if within is None or (distinctive(spelling.changed.table) and not _is_text(source, match, within)):
                yield match.end() - 1 if "\n" in match[0] else match.start()


def _is_text(source: Source, match: re.Match[str], within: tuple[int, int]) -> bool:
    """Whether a name in a string is a word of a message, a part of a URL or a part of a file path."""
    return source.text[match.start() - 1] == "/" or is_message(source, within)

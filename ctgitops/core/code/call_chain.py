"""Chains of method calls such as `db.select(…).from(users).where(…)`, and whether a chain queries a table."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache, cached_property

from ...lazy import dataclass
from .source import Source, without
from .spelling import Spelling, any_of, pascal

_BEFORE = re.compile(r"(?:[&*@]|(?<!:):(?!:))*[\w$]+[!?]*\s*\Z")
_JOINT = re.compile(r"(?:\?\.|!\.|!!\.|->|&\.|::|\.)\s*\Z")
_AFTER = re.compile(r"\s*(?:\?\.|!!?\.|->|&\.|::|\.)\s*[\w$]+[!?]?(?:<[\w<>\[\], ]*>)?\s?")
_LONGEST = 4000
"""Maximum number of characters of a chain that are read on each side."""
_VERBS = (
    r"(?:objects|where\w*|filter\w*|find\w*|exists\w*|update\w*|create\w*|insert\w*|pluck|pick|order\w*|select\w*|values\w*|exclude"
    r"|build|upsert\w*|count\w*|sum|average|minimum|maximum|delete\w*|destroy\w*|remove|query|aggregate|annotate|get\w*"
    r"|new|builder|init|arel_table|make|bulk\w*|Query|Update\w*|Create\w*|Delete\w*|permit|joins|group\w*|not|scope|all|save\w*|first\w*|groupBy|c|findBy\w*|list\w*"
    r"|includes|preload|eager_load|left_\w*joins|references|limit|offset|take|last\w*|distinct|having|unscoped|only|defer"
    r"|prefetch_related|with\w*|latest|paginate|in_bulk|iterator)"
)
_CLIENTS = r"(?:prisma\w*|\w*[dD]b|DB|tx|trx|\w*[cC]lient|query|orm|database|models?|conn\w*)"
_TABLE_CALL = (
    r"(?:\w*from|\w*into|\w*join\w*|\w*table\w*|update\w*|k(?:nex)?|trx|tx|db|define|identifier|model|entity"
    r"|createquerybuilder|delete\w*|insert\w*|require|dataset|relation)"
)
_TAKES_CLASS = (
    r"(?:select|query|update|insert|delete|from|into|get!?|get_by!?|one!?|all|exists\?|aggregate|\w+_all|with_entities|selectFrom|insertInto|deleteFrom|\w*[jJ]oin\w*"
    r"|getRepository|register|Model|First|Find|Last|Take|Create|Save|Scan|Updates|Preload|Table|createQuery)"
)


_TAKES_ROW = r"(?:update|insert|delete|from|into|\w*[jJ]oin|First|Find|Last|Take|Create|Save|Scan|Updates|persist)"


@dataclass(frozen=True)
class Handles:
    """Regular expressions for the ways in which code refers to a table."""

    spelling: Spelling

    @cached_property
    def named(self) -> re.Pattern[str]:
        """Matches the name of this table or of the class that maps it."""
        return re.compile("|".join(self._named))

    @cached_property
    def _named(self) -> list[str]:
        model, row = any_of(self.spelling.classes), re.escape(self.spelling.row)
        table = any_of(self.spelling.tables | {self.spelling.changed.table.upper()})
        return [
            *self._ways(table, model, any_of(self.spelling.tables | {self.spelling.row, pascal(self.spelling.row)})),
            rf"(?i:\b\w*(?:column|table|index|reference)\w*)[\s(]+(?:[\"']\w+[\"'],\s*)?[\"':]{table}\b",
            rf"\b(?:require|create|build|create_list|attributes_for)\(\s*:{row}\b",
        ]

    @cached_property
    def ours(self) -> re.Pattern[str]:
        """Matches any reference to this table, including a variable named after the table or after its row."""
        model, variable = any_of(self.spelling.classes), any_of(self.spelling.variables - self.spelling.classes)
        ways = [
            *self._named,
            rf"(?<!\w){variable}(?:Repository|Repo|Dao|DAO|Model|Store|Mapper)?!?\??\.\s*{_VERBS}\b",
            rf"^(?:new\s+)?&?(?:\w+\.)?{model}(?:Factory)?(?=[({{])",
            rf"\b{_TAKES_ROW}\(\s*(?:ctx,\s*)?&?(?:\w+\.)?{re.escape(self.spelling.row)}\b(?!\s*[.(\"'])",
        ]
        return re.compile("|".join(ways))

    @cached_property
    def any(self) -> re.Pattern[str]:
        """Matches a reference to any table."""
        return re.compile("|".join(self._ways(r"[\w.]+", r"[A-Z]\w+", r"\w+")))

    @staticmethod
    def _ways(table: str, model: str, member: str) -> list[str]:
        called = rf"(?i:(?<!\w){_TABLE_CALL})\s*[(\[{{]+\s*(?:(?:name|table|tableName)\s*[=:]\s*)?"
        return [
            rf"{called}[\"'`:](?:\w+\.)?{table}(?:[\"'`]|(?=[)\],])|\s+as\b)",
            rf"\b{_CLIENTS}!?\??\.\s*{member}\s*!?\??\.\s*\w+\s*(?:<[^>]*>)?\(",
            rf"\b{_TAKES_CLASS}!?\(\s*(?:ctx,\s*)?[&%\[]*(?:\w+\.)*(?:{model}|{table})\b(?!\s*[(\"':=])",
            rf"(?<![\w.]){model}(?:::class)?\s*(?:\.|::|->)\s*{_VERBS}\b",
        ]


@cache
def handles_of(spelling: Spelling) -> Handles:
    """The patterns for a table, compiled once and cached."""
    return Handles(spelling)


def chain_at(source: Source, opened: int) -> str:
    """The call chain that contains the bracket at offset `opened`.

    If a bracket in the arguments contains a call, the contents of the bracket are blanked.
    """
    bare = source.bare
    start = _begin(source, opened)
    end = _finish(source, source.brackets.closes.get(opened, opened))
    holes = [
        (at + 1 - start, source.brackets.closes[at] - start)
        for at in _within(source, start, end)
        if _is_argument_of_argument(source, at, start) and ("(" in bare[at : source.brackets.closes[at]])
    ]
    return without(source.text[start:end], _apart(holes))


def _within(source: Source, start: int, end: int) -> list[int]:
    brackets = source.brackets
    inside = brackets.opens[bisect_left(brackets.opens, start) : bisect_left(brackets.opens, end)]
    return [at for at in inside if brackets.closes.get(at, end) < end]


def _is_argument_of_argument(source: Source, at: int, start: int) -> bool:
    identifier = source.bare[max(0, at - 10) : at].lower() == "identifier"
    return source.brackets.parents[at] >= start and not identifier


def _apart(holes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for hole in sorted(holes):
        if not kept or hole[0] >= kept[-1][1]:
            kept.append(hole)
    return kept


def _begin(source: Source, at: int) -> int:
    """The offset at which the expression before the bracket at `at` starts."""
    lowest = max(0, at - _LONGEST)
    while at > lowest:
        word = _BEFORE.search(source.bare, max(lowest, at - 80), at)
        if word:
            at = word.start()
            joint = _JOINT.search(source.bare, max(lowest, at - 200), at)
            if not joint:
                return at
            at = joint.start()
            continue
        before = source.bare[:at].rstrip() if at < 200 else source.bare[at - 200 : at].rstrip()
        closed = at - (min(at, 200) - len(before)) - 1
        opening = source.brackets.openings.get(closed)
        if opening is None:
            return at
        at = opening
    return at


def _finish(source: Source, closed: int) -> int:
    """The offset at which the chain ends. The chain may continue after the closing bracket at `closed`."""
    at = closed + 1
    highest = closed + _LONGEST
    while at < highest:
        if source.bare[at : at + 1] and source.bare[at] in "([{" and at in source.brackets.closes:
            at = source.brackets.closes[at] + 1
            continue
        more = _AFTER.match(source.bare, at)
        if not more:
            break
        at = more.end()
    return at

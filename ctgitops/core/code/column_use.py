"""Uses of a column outside complete SQL statements: in ORM queries, row attributes, mappings and templates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import cache, cached_property

from ...lazy import dataclass
from .call_chain import Handles, chain_at, handles_of
from .mapping import Block, MappingRole, block_at
from .message import is_message
from .source import Source, SourceKind
from .spelling import Spelling, any_of, pascal
from .variable import Variables

_QUERY_WORDS = """
where data select create update orderBy order_by order include some every none is isNot and or not AND OR NOT values
attributes set _sum _max _min _avg _count upsert returning columns by having distinct where_ defaults createMany
updateMany connectOrCreate omit extras with
"""
"""Keys of an ORM query, such as `where`. The keys below these are columns of the queried table."""
_DEEPEST = 40
"""Maximum number of nested brackets around a name that are examined."""
_KEY = re.compile(r"(\w+)[\"']?\s*:\s*(?:\[\s*(?:\{[^{}]*\},?\s*)*)?\Z")
_BLOCK = re.compile(r"(?:\)|=>|->|\bdo|\belse|\btry|\bfinally|[\w>\])]\s)\s*(?:\|[^|]*\|)?\s*\Z")
_QUALIFIER = re.compile(r"([\w$@]+)(?:\(\))?[!?]*(?:\.c|\.__table__)?\s*(?:\?\.|!\.|->|&\.|::|\.)\s*\Z")
_INDEXED = re.compile(r"([\w$@]+)(?:\?\.)?\[\s*(?:[\"']|:)\Z")
_OPEN_CALL = re.compile(r"[)\]}][!?]*\s*(?:\?\.|!\.|->|&\.|::|\.)\s*\Z")
_OWN = frozenset({"self", "this", "super", "it", "cls", "@"})
_PLACEHOLDER = re.compile(r"(?:#\{|\$\{|\{\{|\{|<%=?|=)[^{}\n]*\Z")
_ROOT = re.compile(r"\b(?:Specification|Root|CriteriaQuery|Join|CriteriaUpdate|CriteriaDelete)<(?:\w+,\s*)?(\w+)>")
_ROOT_GET = re.compile(r"\b(\w+)\.(?:get|<\w+>get)\(\s*[\"']\Z")
_DECLARES = re.compile(r"\b(?:func(?:\s*\([^)]*\))?|def|fun|function|fn)\s+[\w.]+(?:<[^>]*>|\[[^\]]*\])?\s*\Z")
_EXPRESSION = re.compile(r"[=(,:\[]\s*\Z|\breturn\s*\Z")
_CALLED = re.compile(r"[\w$>)\]}!?]\s*\Z")
_SELF = re.compile(r"(?:self|this|@)[.?]*\Z")
_RELATED = re.compile(r"(?:\w+__)??([A-Za-z0-9]+(?:_[A-Za-z0-9]+)*)__\w")
_ALIASED = re.compile(r"\s*:\s*\w+\.\w+\s*[,}\n]")
_PICKS = re.compile(r"\b(?:select\w*|returning)\(\s*\Z")
"""Matches a call with an object argument. The object's keys are aliases in the result, and its values are columns."""
_STORE = re.compile(r"(?:Repository|Repo|Dao|DAO|Mapper|Store|Service)\Z")
_SEQUELIZE = re.compile(r"\bmodel:\s*(?:\w+\.)*([A-Z]\w*)")
_HEAD_CLASS = re.compile(r"([A-Z]\w+)\s*\.\s*(?:left_)?(?:outer_)?joins?\b")
_PARAMETER = re.compile(r"(?<![\w(])[:@$]\Z")
_COLUMN_CALL = re.compile(
    r"(?i)(?:where\w*|order\w*|select\w*|group\w*|having|pluck|pick|find\w*|not|distinct|sum|max|min|set|\w*index|\w*check\w*|\w*unique\w*|exclu\w*)[(\s]"
)
_XML_COLUMN = re.compile(r"\bcolumn(?:-?[nN]ame)?\s*=\s*[\"']\Z")
_XML_MAPPING = re.compile(r"<(?:resultMap|class|entity|hibernate-mapping|subclass)\b[^>]*>")
_ARROW = re.compile(r"\s*(?::\s*[\w<>\[\]|. ]+)?=>")
_PAGE = re.compile(r"\b(?:render\w*|view|jsonify|inertia)\s*\Z", re.IGNORECASE)
"""Matches a call that passes values to a template. The keys of the values are names in the template, not columns."""


class Meaning(Enum):
    """Whether a use of the column's name means the dropped or renamed column."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """The code around the name does not show to which table the name belongs."""
    OUTWARDS = "outwards"
    """The bracket does not show the table. The code around the bracket is examined next."""

    @staticmethod
    def of(means: bool | None) -> Meaning:  # noqa: FBT001 - `means` is a result, not an option
        """Converts True, False and None to YES, NO and UNKNOWN."""
        return Meaning.UNKNOWN if means is None else Meaning.YES if means else Meaning.NO


@dataclass(frozen=True)
class _Word:
    """An occurrence of the column's name, alone or inside an accessor's name."""

    at: int
    end: int
    within: tuple[int, int] | None
    """The span of the string literal that contains the occurrence. None outside a string."""
    accessor: bool
    """Whether the occurrence is a longer name with the column's name inside, such as `findByEmail`."""


@dataclass(frozen=True)
class ColumnUse:
    """Decides for each occurrence of the column's name whether the occurrence means the column of this table."""

    source: Source
    spelling: Spelling
    aliases: frozenset[str] = frozenset()
    """The aliases that queries in the file give to the table."""
    others: frozenset[str] = frozenset()
    """The aliases that queries in the file give to other tables."""

    @cached_property
    def _handles(self) -> Handles:
        return handles_of(self.spelling)

    @cached_property
    def _variables(self) -> Variables:
        return Variables(self.source, self.spelling, self._handles)

    def places(self) -> Iterator[tuple[int, int]]:
        """The spans of the column's name and of accessor names that contain it."""
        pattern, text = places_of(self.spelling), self.source.text
        for start, end in self.source.lines_with(self.spelling.column_word):
            yield from (match.span() for match in pattern.finditer(text, start, end))

    def meaning(self, at: int, end: int) -> Meaning:
        """Whether the occurrence from `at` to `end` means the column of this table."""
        annotation = self.source.text[max(0, at - 1) : at + 1]
        if self.source.kind in {SourceKind.DATA, SourceKind.STYLE} or (
            annotation[0] == "@" and annotation[-1].isupper()
        ):
            return Meaning.NO
        accessor = self.source.text[at:end] not in self.spelling.columns
        word = _Word(at, end, self.source.string_at(at), accessor)
        qualified = self._qualified(word)
        if qualified is not Meaning.OUTWARDS:
            return qualified
        if self.source.kind is SourceKind.MARKUP:
            return self._in_xml(word)
        if word.within and is_message(self.source, word.within):
            return Meaning.NO
        called = word.within is None and not accessor and re.match(r"\s*\(", self.source.text[end : end + 4])
        if called and self.spelling.needs_table:  # a function with the column's name, such as Drizzle's `email('…')`
            return self._attached(word)
        return self._around(word)

    def _in_xml(self, word: _Word) -> Meaning:
        """Decides by the class or table of the mapping around `column="email"`, as in MyBatis and Hibernate."""
        if not _XML_COLUMN.search(self.source.text, max(0, word.at - 20), word.at):
            return Meaning.NO
        mapped = list(_XML_MAPPING.finditer(self.source.text, 0, word.at))
        names = re.findall(r"(\w+)[\"']", mapped[-1][0]) if mapped else []
        return Meaning.of(not self.spelling.names.union(self.spelling.classes).isdisjoint(names))

    def _attached(self, word: _Word) -> Meaning:
        """If the name is a method, as in `User.builder().email(…)`, decides by its call chain. Otherwise OUTWARDS."""
        attached = _OPEN_CALL.search(self.source.bare[max(0, word.at - 40) : word.at])
        return (
            self._chain(word.end) if attached and self.source.bare[word.end : word.end + 1] == "(" else Meaning.OUTWARDS
        )

    def _qualified(self, word: _Word) -> Meaning:
        """Decides by the row, table or class before the name. OUTWARDS if none of them precedes the name."""
        related = _RELATED.match(self.source.text, word.at, word.end) if word.accessor else None
        if related and related[1] not in self.spelling.columns:
            return Meaning.of(related[1] in self.spelling.variables)
        before = self.source.text[max(self.source.line_start(word.at) - 60, 0, word.at - 120) : word.at]
        found = _QUALIFIER.search(before) or _INDEXED.search(before)
        if not found or found[1] in _OWN or found[1].isdigit():
            return self._rooted(before, word.at)
        if word.within and self.source.kind is SourceKind.CODE:
            if found[1] in self.aliases | self.others:
                return Meaning.of(found[1] in self.aliases)
            if not _speaks(self.source.text[word.within[0] : word.at]):
                return Meaning.OUTWARDS
        known = self._of_variable((_STORE.sub("", found[1]) if word.accessor else found[1]).lstrip("@$"), word.at)
        chained = "()" in found[0] and self.source.text[word.end : word.end + 1] == "("
        return Meaning.OUTWARDS if chained and known is Meaning.UNKNOWN else known

    def _of_variable(self, name: str, at: int) -> Meaning:
        """Decides by the variable, table or class `name` before the column."""
        known = self._variables.is_row(name, at)
        if known is None and name in self.aliases and self.source.suffix in {"ex", "exs"}:
            return Meaning.YES
        if known is None and name not in self.spelling.variables | self.aliases and self._queried(name):
            return Meaning.NO
        return Meaning.of(True if known is None and name in self.spelling.variables else known)

    def _queried(self, name: str) -> bool:
        """Whether a query uses `name` as a table, as in `from(suppliers)`. `name` must not be a name of this table."""
        queried = re.search(
            rf"\b(?:from|into|update|insert|delete|\w*[jJ]oin)\(\s*{re.escape(name)}\b", self.source.bare
        )
        return name in self.others or queried is not None

    def _rooted(self, before: str, at: int) -> Meaning:
        """Decides by the type of a JPA criteria query, as in `root.get("email")`."""
        typed = list(_ROOT.finditer(self.source.text, max(0, at - 2000), at)) if _ROOT_GET.search(before) else []
        return Meaning.of(typed[-1][1] in self.spelling.classes) if typed else Meaning.OUTWARDS

    def _around(self, word: _Word) -> Meaning:
        """Decides by the calls, objects and classes around the occurrence, from the innermost to the outermost."""
        found = self._nested(word) if word.within else self._attached(word)
        opened = self.source.brackets.around(word.at)
        for _ in range(_DEEPEST):
            if opened < 0 or found is not Meaning.OUTWARDS:
                break
            found = self._bracket(opened, word)
            opened = self.source.brackets.parents[opened]
        if found in {Meaning.YES, Meaning.NO}:
            return found
        return self._line(word.at) or self._block(word)

    def _nested(self, word: _Word) -> Meaning:
        """Decides by the table before the bracket in a PostgREST string such as `users(email)`."""
        content = self.source.text[word.within[0] : word.at] if word.within else ""
        found = re.search(r"(\w+)(?:!\w+)?\([^()]*\Z", content)
        return Meaning.YES if found and found[1] in self.spelling.tables else Meaning.OUTWARDS

    def _literal(self, opened: int, word: _Word) -> Meaning:
        """Decides by the key of the object or block, by its `model:`, or by the call that has it as an argument."""
        before = self.source.bare[max(0, opened - 300) : opened]
        model = _SEQUELIZE.search(self.source.bare, opened, self.source.brackets.closes.get(opened, opened))
        if model and self.source.brackets.around(model.start()) == opened:
            return Meaning.of(model[1] in self.spelling.classes)
        key = _KEY.search(before)
        if key and key[1] not in _QUERY_WORDS.split():
            return Meaning.YES if key[1] in self.spelling.variables else Meaning.UNKNOWN
        if _BLOCK.search(before) and not _EXPRESSION.search(before):
            exposed = self.source.text[max(0, word.at - 3) : word.at] == "it[" and self._line(opened)
            return exposed or Meaning.UNKNOWN
        return Meaning.NO if _ALIASED.match(self.source.text, word.end) and _PICKS.search(before) else Meaning.OUTWARDS

    def _bracket(self, opened: int, word: _Word) -> Meaning:
        bare = self.source.bare
        before = bare[max(0, opened - 300) : opened]
        if bare[opened] == "{":
            found = self._literal(opened, word)
            if found is not Meaning.OUTWARDS:
                return found
        elif _DECLARES.search(before):
            return Meaning.UNKNOWN
        elif self._is_arrow(opened) or _PAGE.search(before):
            return Meaning.NO
        elif before.lower().endswith("identifier"):  # a function that quotes an identifier
            return Meaning.OUTWARDS
        found = self._chain(opened) if _CALLED.search(before) else Meaning.OUTWARDS
        parameter = word.within and _PARAMETER.search(self.source.text[word.within[0] : word.at])
        return Meaning.NO if parameter and found is Meaning.YES else found

    def _is_arrow(self, opened: int) -> bool:
        """Whether the bracket contains the parameters of an arrow function and no destructuring pattern."""
        closed = self.source.brackets.closes.get(opened)
        inside = self.source.bare[opened : closed or opened]
        return closed is not None and "{" not in inside and _ARROW.match(self.source.bare, closed + 1) is not None

    def _chain(self, opened: int) -> Meaning:
        text = chain_at(self.source, opened)
        joined = _HEAD_CLASS.match(text)
        if joined and joined[1] not in self.spelling.classes:
            return Meaning.NO
        head = re.match(r"([a-z]\w*)\s*\.", text)
        if self._handles.ours.search(text) or (head and self._variables.is_row(head[1], opened)):
            return Meaning.YES
        for name in re.findall(r"&([a-z_]\w*)\b(?!\{)", text):
            known = self._variables.is_row(name, opened)
            if known is not None:
                return Meaning.of(known)
        return Meaning.NO if self._handles.any.search(text) else Meaning.OUTWARDS

    def _line(self, at: int) -> Meaning | None:
        """YES if a call without brackets names the table, as in Ruby `User.where nickname: x`. Otherwise None."""
        start = self.source.line_start(at)
        return Meaning.YES if self._handles.ours.search(self.source.text[start:at]) else None

    def _block(self, word: _Word) -> Meaning:
        block = block_at(self.source, word.at, self.spelling)
        if block.role is MappingRole.ANOTHER:
            return Meaning.NO
        if block.role is MappingRole.NONE:
            return Meaning.UNKNOWN
        if word.accessor:
            return Meaning.YES
        if block.role is MappingRole.QUERIES:
            return Meaning.YES if word.within and block.member else Meaning.UNKNOWN
        return Meaning.YES if block.member and not word.within else self._in_mapping(word, block)

    def _in_mapping(self, word: _Word, block: Block) -> Meaning:
        text = self.source.text
        if _SELF.search(text[max(0, word.at - 8) : word.at]):
            return Meaning.YES
        content = text[word.within[0] : word.within[1]] if word.within else ""
        if re.search(r"\s", content) and '"' not in content:
            called = _COLUMN_CALL.search(text[self.source.line_start(word.at) : word.at])
            return Meaning.YES if called else Meaning.UNKNOWN
        bare_names = self.source.suffix in {"rb", "java", "kt", "scala", "cs"}
        return Meaning.YES if block.member or bare_names or content else Meaning.UNKNOWN


def _speaks(content: str) -> bool:
    """Whether the text before a name in a string is code or SQL, rather than a message for people."""
    return bool(_PLACEHOLDER.search(content)) or not re.search(r"[^\s\w.,()=<>?*:'\"]", content)


@cache
def places_of(spelling: Spelling) -> re.Pattern[str]:
    """A pattern for the column's name, alone or inside the name of an accessor."""
    big = re.escape(pascal(spelling.changed.column))
    words = any_of(spelling.columns)
    return re.compile(
        rf"(?<![\w$])(?:\w+__)?{words}(?:__\w+)?(?![\w$-]|\s*=>\s*\{{)"
        rf"|\b(?:get|set|is|has|Get|Set|Clear|Add|Append|with|With)(?i:{big})(?![a-z])"
        rf"|\b(?:find|exists|count|delete|read|query|search|remove|get)\w*By(?:\w+(?:And|Or))?(?i:{big})(?![a-z])\w*"
        rf"|\bfind_by_{re.escape(spelling.changed.column)}\b"
        rf"|\b{big}(?:EQ|NEQ|In|NotIn|GTE?|LTE?|Contains(?:Fold)?|HasPrefix|HasSuffix|EqualFold|IsNil|NotNil)\b"
    )

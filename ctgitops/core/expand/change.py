"""The changes that `ctgitops new --expand` writes, and the sentences that describe them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...errors import UsageError
from ...sql.nodes import quoted_name
from ...sql.parse import SqlSyntaxError, parse_expression, trees
from ...sql.tokens import Kind, Token, tokens

GRAMMAR = """\
rename column [SCHEMA.]TABLE.COLUMN to NAME
rename table [SCHEMA.]TABLE to NAME
change type [SCHEMA.]TABLE.COLUMN to TYPE [as NAME] [using EXPRESSION] [back EXPRESSION]
not null [SCHEMA.]TABLE.COLUMN [default EXPRESSION]
split [SCHEMA.]TABLE.COLUMN into NAME TYPE, NAME TYPE using EXPRESSION, EXPRESSION back EXPRESSION"""
"""All sentences. `using` computes the new form from the old one, and `back` the old form from the new one."""
LONGEST_NAME = 63
"""The maximum length of a name in PostgreSQL, in bytes."""
_SERIAL = re.compile(r"(?:big|small)?serial|serial[248]", re.IGNORECASE)
_MARKS = frozenset({Kind.BLANK, Kind.COMMENT})


@dataclass(frozen=True)
class NewColumn:
    """A column of the new form."""

    name: str
    type: str = ""
    """The type as SQL. Empty for the type of the old column."""
    using: str = ""
    """The expression that computes the value from the old form. Empty for the old column's value."""


@dataclass(frozen=True)
class FormChange:
    """One change in two phases. Names are unquoted, as in the system catalogs."""

    kind: str
    """The first words of the sentence, such as `rename column`."""
    schema: str
    table: str
    column: str = ""
    """The column of the old form. Empty for a table."""
    new: tuple[NewColumn, ...] = ()
    """The columns of the new form. Empty for a table, and for NOT NULL."""
    back: str = ""
    """The expression that computes the old column from the new form. Empty for the new column's value."""
    renamed_to: str = ""
    """The new name of the table."""
    default: str = ""
    """The value that replaces NULL. Empty if no value does."""
    swaps: bool = False
    """Whether contract gives the new column the name of the old one."""
    text: str = ""
    """The sentence."""

    @property
    def slug(self) -> str:
        """The words for file names, such as `projects_name_to_title`."""
        new = self.renamed_to or "_".join(each.name for each in self.new if not self.swaps)
        words = (self.table, self.column, *(("to", new) if new else ("type" if self.swaps else "not null",)))
        return " ".join(filter(None, words))


def parse_change(text: str) -> FormChange:
    """The change that a sentence describes. Raises UsageError with the grammar."""
    words = _Words.of(text)
    try:
        return replace(_change(words), text=" ".join(text.split()))
    except _UnreadableError as error:
        hint = f"write one of: {'; '.join(f'`{line}`' for line in GRAMMAR.splitlines())}"
        raise UsageError(f"cannot read `{text}`: {error}", state="no file was written", hint=hint) from None


class _UnreadableError(Exception):
    """The sentence does not follow the grammar."""


@dataclass
class _Words:
    """The tokens of a sentence, and the position of the next one."""

    text: str
    tokens: list[Token]
    at: int = 0

    @classmethod
    def of(cls, text: str) -> _Words:
        return cls(text, [token for token in tokens(text) if token.kind not in _MARKS])

    def said(self, index: int) -> str:
        """The token at `index` in lower case, unless it is quoted. Empty after the last token."""
        if index >= len(self.tokens):
            return ""
        token = self.tokens[index]
        return self.text[token.start : token.end].lower() if token.kind in {Kind.WORD, Kind.OTHER} else '"'

    def takes(self, *words: str) -> bool:
        """Whether the next tokens are `words`. If so, they are consumed."""
        if [self.said(self.at + n) for n in range(len(words))] != list(words):
            return False
        self.at += len(words)
        return True

    def wants(self, word: str) -> None:
        if not self.takes(word):
            raise _UnreadableError(f"`{word}` is expected {self.here}")

    @property
    def here(self) -> str:
        """The position of the next token, as text."""
        if self.at >= len(self.tokens):
            return "at the end"
        token = self.tokens[self.at]
        return f"at `{self.text[token.start : token.end]}`"

    def name(self, what: str) -> str:
        """The next name, unquoted. A name without quotes is folded to lower case, as in SQL."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None or token.kind not in {Kind.WORD, Kind.NAME}:
            raise _UnreadableError(f"the name of {what} is expected {self.here}")
        self.at += 1
        inside = self.text[token.inside : token.until].replace('""', '"')
        found = inside if token.kind is Kind.NAME else self.text[token.start : token.end].lower()
        if not found or "\0" in found or len(found.encode()) > LONGEST_NAME:
            raise _UnreadableError(f"the name of {what} must have 1 to {LONGEST_NAME} bytes")
        return found

    def path(self, what: str, least: int) -> tuple[str, ...]:
        """A qualified name of `least` or one more parts. The schema is `public` by default."""
        parts = [self.name(what)]
        while self.takes("."):
            parts.append(self.name(what))
        if not least <= len(parts) <= least + 1:
            raise _UnreadableError(f"the name of {what} has {len(parts)} parts")
        return tuple(parts) if len(parts) > least else ("public", *parts)

    def until(self, *words: str) -> str:
        """The text up to one of `words` outside brackets, or up to the end."""
        start, depth = self.at, 0
        while self.at < len(self.tokens) and not (depth == 0 and self.said(self.at) in words):
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(self.said(self.at), 0)
            self.at += 1
        return self.text[self.tokens[start].start : self.tokens[self.at - 1].end] if self.at > start else ""

    def ends(self) -> None:
        if self.at < len(self.tokens):
            raise _UnreadableError(f"the sentence should end {self.here}")


def _change(words: _Words) -> FormChange:
    if words.takes("rename", "column"):
        schema, table, column = words.path("the column", 2)
        words.wants("to")
        found = FormChange("rename column", schema, table, column, (NewColumn(words.name("the new column")),))
    elif words.takes("rename", "table"):
        schema, table = words.path("the table", 1)
        words.wants("to")
        found = FormChange("rename table", schema, table, renamed_to=words.name("the new table"))
    elif words.takes("change", "type"):
        found = _type_change(words)
    elif words.takes("not", "null"):
        schema, table, column = words.path("the column", 2)
        default = _expression(words.until(), "default") if words.takes("default") else ""
        found = FormChange("not null", schema, table, column, default=default)
    elif words.takes("split"):
        found = _split(words)
    else:
        raise _UnreadableError(f"a change is expected {words.here}")
    words.ends()
    _distinct(found)
    return found


def _type_change(words: _Words) -> FormChange:
    schema, table, column = words.path("the column", 2)
    words.wants("to")
    new_type = _type(words.until("as", "using", "back"))
    name = words.name("the new column") if words.takes("as") else ""
    using = _expression(words.until("back"), "using") if words.takes("using") else ""
    back = _expression(words.until(), "back") if words.takes("back") else ""
    own = name_as_sql(column)
    new = NewColumn(name or f"{shortened(column, LONGEST_NAME - 4)}_new", new_type, using or own)
    return FormChange("change type", schema, table, column, (new,), back, swaps=not name)


def _split(words: _Words) -> FormChange:
    schema, table, column = words.path("the column", 2)
    words.wants("into")
    columns = []
    while True:
        columns.append((words.name("a new column"), _type(words.until(",", "using"))))
        if not words.takes(","):
            break
    words.wants("using")
    values = [_expression(words.until(",", "back"), "using")]
    while words.takes(","):
        values.append(_expression(words.until(",", "back"), "using"))
    words.wants("back")
    if len(values) != len(columns) or len(columns) < 2:
        what = f"{len(columns)} new columns and {len(values)} expressions after `using`"
        raise _UnreadableError(f"a split has two or more new columns, with one expression each, not {what}")
    new = tuple(NewColumn(name, kind, value) for (name, kind), value in zip(columns, values, strict=True))
    return FormChange("split", schema, table, column, new, _expression(words.until(), "back"))


def _distinct(change: FormChange) -> None:
    names = [change.column or change.table, *(each.name for each in change.new), change.renamed_to]
    if len(set(names)) < len(names) - (not change.renamed_to and "" in names[:-1]):
        raise _UnreadableError("the old and the new names must differ")


def _expression(text: str, what: str) -> str:
    """A single expression without a semicolon."""
    try:
        one = len(trees(f"select ({text})")) == 1 and parse_expression(f"({text})")
    except SqlSyntaxError:
        one = False
    if not text or not one:
        raise _UnreadableError(f"`{text}` after `{what}` is not an expression")
    return text


def _type(text: str) -> str:
    try:
        cast = parse_expression(f"null::{text}") if text and len(trees(f"select null::{text}")) == 1 else {}
    except SqlSyntaxError:
        cast = {}
    if "TypeCast" not in cast or _SERIAL.fullmatch(text):
        raise _UnreadableError(f"`{text}` is not a type")
    return text


def shortened(text: str, most: int) -> str:
    """The longest start of a text with at most `most` bytes."""
    return text.encode()[:most].decode(errors="ignore")


def name_as_sql(name: str) -> str:
    """A name as SQL, quoted if SQL requires it."""
    try:
        fields = parse_expression(name).get("ColumnRef", {}).get("fields", ()) if name.isidentifier() else ()
    except SqlSyntaxError:
        fields = ()
    plain = [each.get("String", {}).get("sval") for each in fields] == [name] and name.isascii()
    return name if plain else quoted_name(name)


def qualified_as_sql(*names: str) -> str:
    """A qualified name as SQL."""
    return ".".join(map(name_as_sql, names))


def unquoted(text: str) -> tuple[str, ...]:
    """The parts of a qualified name in SQL, such as `public."Order"`."""
    return tuple(_parts(text))


def _parts(text: str) -> Iterator[str]:
    for token in tokens(text):
        if token.kind is Kind.NAME:
            yield text[token.inside : token.until].replace('""', '"')
        elif token.kind is Kind.WORD:
            yield text[token.start : token.end]


def literal(text: str) -> str:
    """A string constant. It is valid with any setting of `standard_conforming_strings`."""
    quoted = text.replace("'", "''")
    return f" E'{quoted.replace(chr(92), chr(92) * 2)}'" if chr(92) in text else f"'{quoted}'"

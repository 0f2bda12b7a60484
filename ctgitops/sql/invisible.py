"""Finds invisible characters, spaces that SQL does not accept as white space, and bidirectional controls."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from ..lazy import dataclass, regex
from .tokens import Kind, Token, tokens

_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\u2800\u0085\u2028\u2029"
_NOTHING = (
    "\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_BIDI = "\u202a-\u202e\u2066-\u2069"
_LOOKS = regex(f"[{_SPACES}{_NOTHING}{_BIDI}]")
_SPACE = regex(f"[{_SPACES}]")
_CONTROL = regex(f"[{_BIDI}]")
_IN_KEY = regex(rf"(?:^[^'\"#\n:]*|^[^'\"#\n:]*:[ \t]*)({_LOOKS.pattern})", re.MULTILINE)
_CONTROLS = {"\u0085": "NEXT LINE", "\ufeff": "ZERO WIDTH NO-BREAK SPACE, a byte order mark", "\x7f": "DELETE"}
PASTED = dict.fromkeys("\u2018\u2019\u201a\u2032", "'") | dict.fromkeys("\u201c\u201d\u201e", '"')
PASTED |= {"\u2013": "-", "\u2014": "--", "\u2212": "-"}
"""Maps typographic characters, which word processors and chats insert, to the SQL characters that they replace."""
_BEFORE_BODY = frozenset({"as", "do", "plpgsql", "sql"})


@dataclass(frozen=True)
class Invisible:
    """An invisible character. `in_code` is false in a string, a quoted name or a comment."""

    character: str
    offset: int
    in_code: bool

    @property
    def named(self) -> str:
        """Code point and Unicode name, such as `U+00A0 NO-BREAK SPACE`."""
        return named(self.character)

    @property
    def is_space(self) -> bool:
        """Whether the character looks like a space. If not, the character is not visible at all."""
        return _SPACE.match(self.character) is not None

    @property
    def is_control(self) -> bool:
        """Whether the character changes the display order of the text around it."""
        return _CONTROL.match(self.character) is not None


def named(character: str) -> str:
    """A character's code point and its name in Unicode."""
    name = _CONTROLS.get(character) or unicodedata.name(character, "a control character")
    return f"U+{ord(character):04X} {name}"


def invisible_in(sql: str) -> tuple[Invisible, ...]:
    """The invisible characters in code, and the bidirectional controls anywhere, in textual order."""
    return tuple(_found(sql, 0)) if _LOOKS.search(sql) else ()


def hidden_in_key(text: str) -> tuple[str, int] | None:
    """In YAML, the first invisible character in indentation, in a key or before a value, with its offset."""
    match = _IN_KEY.search(text)
    return (match[1], match.start(1)) if match and not match[1].isascii() else None


def pasted_in(sql: str) -> Iterator[tuple[str, int]]:
    """The characters in code that are keys of `PASTED`, each with its offset."""
    for token in tokens(sql) if not sql.isascii() and PASTED.keys() & set(sql) else ():
        if token.kind not in {Kind.STRING, Kind.COMMENT, Kind.NAME}:
            yield from ((c, token.start + n) for n, c in enumerate(sql[token.start : token.end]) if c in PASTED)


def spelled(line: str) -> str:
    """A line with each invisible character written as `<U+00A0>`."""
    return _LOOKS.sub(lambda match: f"<U+{ord(match[0]):04X}>", line)


def _found(sql: str, begins: int) -> Iterator[Invisible]:
    before = ""
    for token in tokens(sql):
        text = sql[token.start : token.end]
        if _is_body(sql, token, before):
            yield from _found(sql[token.inside : token.until], begins + token.inside)
        elif _LOOKS.search(text):
            code = token.kind not in {Kind.STRING, Kind.COMMENT, Kind.NAME}
            for match in (_LOOKS if code else _CONTROL).finditer(text):
                yield Invisible(match[0], begins + token.start + match.start(), code)
        if token.kind not in {Kind.BLANK, Kind.COMMENT}:
            before = text.lower()


def _is_body(sql: str, token: Token, before: str) -> bool:
    """Whether a string is probably the body of a function or DO block, which is code."""
    return token.kind is Kind.STRING and sql[token.start] == "$" and before in _BEFORE_BODY

"""Escapes untrusted text for GitHub's Markdown.

GitHub reads a comment twice. First, the Markdown parser reads it. A character reference replaces each character that
this parser would interpret at its position. All other characters stay unchanged, which keeps the source readable.

Then GitHub's filters search the parser's output for mentions, issues, commits and emoji. In this output, the references
are decoded. A zero-width space inside a mention or reference prevents a match. The filters skip `<code>`, so most text
is rendered as code.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from ..lazy import regex

_ZWSP = "\u200b"
_BREAK = "&#8203;"

_MEANS = regex(
    r"[#$&*<>@\[\\\]`|~\u200b]"  # special anywhere
    r"|_(?![^\W_])|(?<![^\W_])_"  # emphasis, but not between two letters
    r"|(?<=[Ww]{3})\."  # www., which becomes a link
    r"|:(?=//)"
)
_LIST = regex(r"[-+=]|\d{1,9}(?=[.)](?:\s|$))")
"""Matches a list marker or a heading underline at the start of a line."""

_HIDDEN = regex(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)
_SPACE = regex(r"\s+")
_REFERENCES = regex(
    r"(?<=#)(?=\d)"  # owner/repository#12
    r"|(?<=[Gg][Hh]-)(?=\d)"
    r"|(?<=:)(?=[\w+-]+(?::|$))"  # :tada:, even if the second colon is outside of the untrusted text
    r"|(?<=:)(?=//)"
    r"|(?<=[Ww]{3})(?=\.)"
)
_COMMIT = regex(r"[0-9a-fA-F]{7,}")
_CODE = regex(r"`([^`]+)`")
_BACKTICKS = regex(r"`+")

LONGEST = 400
"""Maximum length in characters of a text outside a code block."""


def shown(text: str) -> str:
    """Replaces invisible characters and characters that change the text direction."""
    return _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, longest: int = LONGEST) -> str:
    """Replaces line breaks, and the characters that `shown` replaces. Cuts the text to at most `longest` characters."""
    line = _SPACE.sub(" ", shown(text)).strip()
    return line if len(line) <= longest else line[: longest - 1] + "…"


def plain(text: str) -> Markup:
    """Escapes text. GitHub then shows it exactly as written."""
    return _plain(one_line(text))


def code(text: str) -> Markup:
    """Escapes a name, a path or a value as inline code."""
    return _code(one_line(text))


def prose(text: str) -> Markup:
    """Escapes a message that may contain untrusted names. Text in backticks becomes inline code."""
    parts = _CODE.split(one_line(text))
    return Markup("").join(_code(part) if odd % 2 else _plain(part) for odd, part in enumerate(parts))


def fence(body: str, language: str = "") -> Markup:
    """A code block. The fence is longer than any run of backticks in the content, so the content cannot close it."""
    body = shown(body).strip("\n")
    ticks = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(body)), default=0))
    return Markup(f"{ticks}{language}\n{body}\n{ticks}")  # noqa: S704 - `body` cannot close the fence


def finalize(value: object) -> Markup:
    """Escapes a template's value unless it is marked as safe."""
    return value if isinstance(value, Markup) else plain(str(value))


def _plain(line: str) -> Markup:
    line = _REFERENCES.sub(_ZWSP, line)
    line = _COMMIT.sub(lambda match: _ZWSP.join(re.findall(".{1,6}", match[0])), line)
    begins = _LIST.match(line)
    at = (begins.end() if begins[0].isdecimal() else 0) if begins else -1
    return Markup(_text(line, at))  # noqa: S704 - `_text` escaped every special character


def _code(line: str) -> Markup:
    return Markup(f"<code>{_text(line)}</code>")  # noqa: S704 - `_text` escaped every special character


def _text(line: str, at: int = -1) -> str:
    """Replaces special characters. `at` is the offset of a character that is special only at the start of a line."""
    whole = _MEANS.sub(lambda match: _reference(match[0]), line)
    return f"{whole[:at]}{_reference(whole[at])}{whole[at + 1 :]}" if at >= 0 else whole


def _reference(character: str) -> str:
    return _BREAK if character == _ZWSP else f"&#{ord(character)};{_BREAK if character == '@' else ''}"

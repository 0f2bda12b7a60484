"""Escapes untrusted text for GitHub's Markdown.

Two parsers read a comment. The first is the Markdown parser. For it, each character that would have a meaning at its
position is written as a character reference; all other characters stay, so that the source is readable. Then GitHub's
own filters search the output, in which references are characters again, for mentions, issues, commits and emoji. A
zero-width space inside each of those stops the filters. They skip `<code>`, so most text is put there.
"""

from __future__ import annotations

import re

from markupsafe import Markup

_ZWSP = "\u200b"
_BREAK = "&#8203;"

_MEANS = re.compile(
    r"[#$&*<>@\[\\\]`|~\u200b]"  # something wherever it stands
    r"|_(?![^\W_])|(?<![^\W_])_"  # emphasis, but not between two letters
    r"|(?<=[Ww]{3})\."  # an address
    r"|:(?=//)"
)
_LIST = re.compile(r"[-+=]|\d{1,9}(?=[.)](?:\s|$))")
"""At the beginning of a line, a list, or the line below a heading."""

_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_SPACE = re.compile(r"\s+")
_REFERENCES = re.compile(
    r"(?<=#)(?=\d)"  # owner/repository#12
    r"|(?<=[Gg][Hh]-)(?=\d)"
    r"|(?<=:)(?=[\w+-]+(?::|$))"  # :tada:, whose second colon may be ours
    r"|(?<=:)(?=//)"
    r"|(?<=[Ww]{3})(?=\.)"
)
_COMMIT = re.compile(r"[0-9a-fA-F]{7,}")
_CODE = re.compile(r"`([^`]+)`")
_BACKTICKS = re.compile(r"`+")

LONGEST = 400
"""So many characters of one text are shown outside of a fence."""


def shown(text: str) -> str:
    """Without characters that are not seen, or that turn the reading direction around."""
    return _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, longest: int = LONGEST) -> str:
    """The same on one line, cut where it is long."""
    line = _SPACE.sub(" ", shown(text)).strip()
    return line if len(line) <= longest else line[: longest - 1] + "…"


def plain(text: str) -> Markup:
    """Text as text: whatever it holds, it reads as it was written."""
    return _plain(one_line(text))


def code(text: str) -> Markup:
    """A name, a path, a value."""
    return _code(one_line(text))


def prose(text: str) -> Markup:
    """Our own sentences about somebody else's names: what stands between backticks becomes code."""
    parts = _CODE.split(one_line(text))
    return Markup("").join(_code(part) if odd % 2 else _plain(part) for odd, part in enumerate(parts))


def fence(body: str, language: str = "") -> Markup:
    """A block of code that no body can end: its fence is longer than any run of backticks inside."""
    body = shown(body).strip("\n")
    ticks = "`" * max(3, 1 + max(map(len, _BACKTICKS.findall(body)), default=0))
    return Markup(f"{ticks}{language}\n{body}\n{ticks}")  # noqa: S704 - the fence is the escape


def finalize(value: object) -> Markup:
    """What a template prints: marked as safe, or escaped."""
    return value if isinstance(value, Markup) else plain(str(value))


def _plain(line: str) -> Markup:
    line = _REFERENCES.sub(_ZWSP, line)
    line = _COMMIT.sub(lambda match: _ZWSP.join(re.findall(".{1,6}", match[0])), line)
    begins = _LIST.match(line)
    at = (begins.end() if begins[0].isdecimal() else 0) if begins else -1
    return Markup(_text(line, at))  # noqa: S704 - every character that means something is a reference now


def _code(line: str) -> Markup:
    return Markup(f"<code>{_text(line)}</code>")  # noqa: S704 - as above


def _text(line: str, at: int = -1) -> str:
    """`at` is where a character stands that means something because of where it stands."""
    whole = _MEANS.sub(lambda match: _reference(match[0]), line)
    return f"{whole[:at]}{_reference(whole[at])}{whole[at + 1 :]}" if at >= 0 else whole


def _reference(character: str) -> str:
    return _BREAK if character == _ZWSP else f"&#{ord(character)};{_BREAK if character == '@' else ''}"

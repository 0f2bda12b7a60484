"""Formats a notification for chat services, as plain text or in a service's Markdown. Texts cannot mention people."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from .terminal_text import on_one_line

LONGEST_LINE, MOST_LINES, LONGEST = 400, 12, 2_800
"""Maximum length of a line, number of lines, and total length. Slack rejects more than 3,000 characters."""
LONGEST_TITLE = 130
"""Slack rejects a header with more than 150 characters, and counts `&amp;` as five."""
_HARMLESS = str.maketrans({"<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", "@": "@\N{ZERO WIDTH SPACE}"})
"""Characters that could mention people or hide a link in the markup of chat services."""
_COMMON = re.compile(r"([\\`*_{}\[\]()#+!|~>.-])")
"""Characters that CommonMark may interpret."""
_ALIKE = str.maketrans({"*": "\N{ASTERISK OPERATOR}", "~": "\N{TILDE OPERATOR}", "`": "'"})
_EDGE = re.compile(r"(?<!\w)_|_(?!\w)")
"""An underscore with which emphasis could begin or end."""
_LABELS = frozenset(
    {
        "at",
        "database",
        "backup",
        "next",
        "reason",
        "ignored",
        "waits",
        "command",
        "started by",
        "pull request",
        "run",
        "plan",
    }
)


class Dialect(StrEnum):
    """The markup of a service."""

    PLAIN = "plain"
    COMMON = "common"
    """CommonMark, in which a backslash escapes a character."""
    SLACK = "slack"
    """Slack's mrkdwn, which cannot escape characters of markup. Similar characters replace them."""


def title_in(dialect: Dialect, title: str) -> str:
    """The title. Slack's header has no markup."""
    line = harmless(title, LONGEST_TITLE)
    return _escaped(line, dialect) if dialect is Dialect.COMMON else line


def text_in(dialect: Dialect, facts: Iterable[str], after: Iterable[str]) -> str:
    """The lines of a notification. If there are too many, leaves out facts, but keeps the lines in `after`."""
    last = [_line(dialect, each) for each in after]
    shown = [_line(dialect, each) for each in facts]
    room = LONGEST - sum(len(line) + 1 for line in last)
    kept, used = 0, 0
    while kept < len(shown) and kept + len(last) < MOST_LINES and used + len(shown[kept]) + 1 < room - 20:
        used += len(shown[kept]) + 1
        kept += 1
    left_out = [_line(dialect, f"and {len(shown) - kept} more")] if kept < len(shown) else []
    return "\n".join([*shown[:kept], *left_out, *last])


def harmless(line: str, longest: int = LONGEST_LINE) -> str:
    """The line without mentions, links that hide their address, and control characters. Cuts a long line."""
    text = on_one_line(line).translate(_HARMLESS).replace("](", "] (")
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _line(dialect: Dialect, line: str) -> str:
    """One line. In Markdown, it is an item of a list with a bold label, and text between backticks is code."""
    plain = harmless(line)
    if dialect is Dialect.PLAIN:
        return plain
    label, colon, rest = plain.partition(": ")
    if not (colon and label in _LABELS):
        return f"- {_with_code(plain, dialect)}"
    return f"- **{label}:** {_with_code(rest, dialect)}"


def _with_code(text: str, dialect: Dialect) -> str:
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return _escaped(text, dialect)
    return "".join(f"`{part}`" if n % 2 and part else _escaped(part, dialect) for n, part in enumerate(parts))


def _escaped(text: str, dialect: Dialect) -> str:
    """Escapes characters of markup. Leaves URLs unchanged, because services detect URLs by themselves."""
    parts = re.split(r"(https?://[^\s)\]]+)", text)
    return "".join(part if n % 2 else _neutral(part, dialect) for n, part in enumerate(parts))


def _neutral(text: str, dialect: Dialect) -> str:
    if dialect is Dialect.COMMON:
        return _COMMON.sub(r"\\\1", text)
    return _EDGE.sub("\N{MODIFIER LETTER LOW MACRON}", text.translate(_ALIKE))

"""The terminal that a page goes to: its width, and whether it shows colour."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from typing import TextIO

_RESET = "\x1b[0m"
_RED, _YELLOW, _GREEN, _CYAN = "\x1b[1;31m", "\x1b[1;33m", "\x1b[32m", "\x1b[36m"
# A `-` in the first column of a table is padded further than the sign of a changed object is
_CHANGE = r" {6,}|(?=[+-] {1,5}\S)"
_STYLES = (
    (re.compile(r"^( *)(error\[[\w-]+\]:?)", re.MULTILINE), _RED),
    (re.compile(r"^( *)((?:warning|waits)\[[\w-]+\]:?)", re.MULTILINE), _YELLOW),
    (re.compile(r"^( *)((?:help|next|fix|state|measured):)", re.MULTILINE), _CYAN),
    (re.compile(rf"^({_CHANGE})(\+.*)$", re.MULTILINE), _GREEN),
    (re.compile(rf"^({_CHANGE})(-.*)$", re.MULTILINE), _RED),
    (re.compile(r"()\b(BLOCKED|CANNOT BE READ|IRREVERSIBLE|BREAKING|NO TRANSACTION|WAITS|NO BACKUP)\b"), _RED),
)
_NARROWEST = 40


def width_of(stream: TextIO) -> int | None:
    """The terminal's width in cells; None if the stream is not a terminal, so that lines are not wrapped."""
    return max(shutil.get_terminal_size().columns, _NARROWEST) if _is_terminal(stream) else None


def has_colour(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Decided by NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, else by whether it is a terminal with colours."""
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return _is_terminal(stream) and environ.get("TERM") != "dumb" and environ.get("CLICOLOR") != "0"


def coloured(page: str) -> str:
    """The page with its labels in colour; the text is unchanged."""
    for pattern, style in _STYLES:
        page = pattern.sub(rf"\g<1>{style}\g<2>{_RESET}", page)
    return page


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False

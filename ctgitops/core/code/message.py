"""Strings that are messages for people, such as log messages, error messages and the titles of tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .source import Source

_CALL = re.compile(
    r"(?:\b(?:log(?:ger|ging)?|slog|console|print\w*|puts|echo|raise|throw|panic|warn(?:ing)?|info|debug|describe|it"
    r"|\w*Error|\w*Exception|errors?|fmt\.(?:F?[Pp]rint\w*|Errorf))\b(?:[.:]+\w+)*[!]?\s*\(?\s*(?:new\s+\w+\()?"
    r"|\b\w*(?:Errorf?|Exception)\(\s*)[rfbu$@]?[\"'`]{1,3}\Z"
)
"""Matches the start of a call that writes a message, up to the opening quote of the first argument."""
_LONGEST = 80


def is_message(source: Source, within: tuple[int, int]) -> bool:
    """Whether a string is a message for people: it has several words and is an argument of a call such as a log's."""
    start, end = within
    if not re.search(r"\w\s+\w", source.text[start:end]):
        return False
    return _CALL.search(source.text, max(0, start - _LONGEST), start) is not None

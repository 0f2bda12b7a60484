"""The names of flags, for which migrations can wait."""

from __future__ import annotations

import re

_FLAG = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
HINT_FLAG = "a name of lower-case letters, digits, `-`, `_` and `.`, as in `new-billing`"


def is_flag(name: str) -> bool:
    """Whether `name` is a valid name of a flag."""
    return bool(_FLAG.fullmatch(name))

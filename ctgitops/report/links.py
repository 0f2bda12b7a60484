"""Links to files on GitHub and to the documentation of rules. Only a URL without special characters becomes a link."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from . import escape

if TYPE_CHECKING:
    from ..core.gate.request import Origin
    from ..errors import Place

RULES = "https://github.com/constructtrack/ctgitops/blob/main/docs/rules.md"

_URL = re.compile(r"https?://[\w.:-]+(/[\w./-]*)?")
_SHA = re.compile(r"[0-9a-f]{40}")
_KEPT = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")


def address(url: str) -> Markup | str:
    """The URL, if it has no special characters and is therefore safe in a link. Empty for anything else."""
    return Markup(url) if _URL.fullmatch(url) else ""  # noqa: S704 - `_URL` matches no character that ends a link


def place(where: Place | None, origin: Origin) -> Markup:
    """A position in a file as code. If `origin` has a commit, links to the line. Empty for None."""
    if where is None:
        return Markup()
    words = escape.code(str(where))
    if not (address(origin.repository_url) and _SHA.fullmatch(origin.commit_sha)):
        return words
    line = f"#L{where.line}" if where.line else ""
    path = _quoted(f"{origin.folder}{where.path}")
    return Markup(f"[{words}]({origin.repository_url}/blob/{origin.commit_sha}/{path}{line})")  # noqa: S704 - the path is percent-encoded


def rule(code: str) -> Markup:
    """The name of a rule, with a link to its documentation."""
    return Markup(f"[{escape.code(code)}]({RULES}#{code})")  # noqa: S704 - rule IDs are trusted


def _quoted(path: str) -> str:
    return "".join(chr(byte) if byte in _KEPT else f"%{byte:02X}" for byte in path.encode(errors="replace"))

"""The text of a normalised statement for reports and for the ledger's schema. Pure."""

from __future__ import annotations

from ...sql.redact import redact

LONGEST = 300


def shown(text: str) -> str:
    """The text on one line, shortened, without passwords. Utility statements are not normalised by the server."""
    line = " ".join(redact(text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"

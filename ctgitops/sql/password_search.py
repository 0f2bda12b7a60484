"""Finds likely passwords in text that may not be SQL: URLs, connection strings, messages, comments. Pure.

Lengths are bounded, so that no input makes a search slow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MARK = "***"

_MAY_HOLD = re.compile(r"passw|://|options\s*\(|(?:create|alter)\s+(?:role|user|group|server|foreign)\b", re.IGNORECASE)
_AFTER_PASSWORD = re.compile(
    r"""(?P<key>\b(?:ssl)?passw(?:or)?d\b["']{0,4}\s{0,200})
    (?:(?P<sign>(?:=>|:=|=)\s{0,200})|(?<=\s))
    (?:(?P<quotes>(?:[eEnN]|[uU]&)?'+)(?!(?<='')[\s;,)])(?P<quoted>[^'\n]*(?:''[^'\n]+)*)(?P<closing>'*)
      |(?P<dollar>\$\w{0,60}\$)(?P<inside>.*?)(?P<end>(?P=dollar)|\Z)
      |"(?P<name>[^"\n]*)"
      |(?(sign)(?P<bare>[^\s'",;&()]+)|(?!)))""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_IN_URL = (
    re.compile(r"(?:(?<=postgres://)|(?<=postgresql://))([^\s:@/?#'\"]{0,200}:)([^\s'\"]{1,400})(?=@)", re.IGNORECASE),
    re.compile(
        r"(?<=://)(?<!postgres://)(?<!postgresql://)([^\s:@/?#'\"]{0,200}:)([^\s'\"/?#@]{1,400})(?=@)", re.IGNORECASE
    ),
    re.compile(r"([?&](?:ssl)?password=)([^\s&'\"#]{1,400})", re.IGNORECASE),
)
_CONNINFO = re.compile(r"\s*+(?:\w++\s*+=\s*+(?:'(?:[^'\\]++|\\.|'')*+'|[^\s']*+)\s*+)++", re.DOTALL)
_IN_CONNINFO = re.compile(r"(\b(?:ssl)?password\s*=\s*)(?:'((?:[^'\\]|\\.|'')*)'|([^\s']+))", re.IGNORECASE | re.DOTALL)


@dataclass
class Found:
    """The secrets that a search has hidden."""

    secrets: set[str] = field(default_factory=set, repr=False)
    """Both as written in the text and without SQL's escapes."""
    in_code: bool = False
    """Whether a secret is outside comments, including one that was already hidden."""
    redacted: bool = False
    """Whether the text contained a mark: a secret that was already hidden."""

    def hidden(self, secret: str) -> str:
        """The replacement for a secret, with the same number of lines."""
        self.in_code = self.in_code or bool(secret.strip())
        if secret.rstrip("\n") == MARK:
            self.redacted = True
            return secret
        if not secret.strip():
            return secret
        self.secrets |= {secret, secret.replace("''", "'")}
        return MARK + "\n" * secret.count("\n")


def may_hold(text: str) -> bool:
    """Whether the text may contain a password; False is certain."""
    return _MAY_HOLD.search(text) is not None


def hide_in_urls(text: str, found: Found) -> str:
    """The text with the passwords in URLs hidden."""
    for pattern in _IN_URL:
        text = pattern.sub(lambda match: match[1] + found.hidden(match[2]), text)
    return text


def hide_in_conninfo(text: str, found: Found) -> str:
    """A libpq connection string with its passwords hidden; any other text unchanged."""
    if not _CONNINFO.fullmatch(text):
        return text
    return _IN_CONNINFO.sub(
        lambda m: f"{m[1]}'{found.hidden(m[2])}'" if m[2] is not None else m[1] + found.hidden(m[3]), text
    )


def hide_in_text(text: str, found: Found) -> str:
    """The text with values after the word password, and passwords in URLs, hidden."""
    return hide_in_urls(_AFTER_PASSWORD.sub(lambda match: _hidden_after(match, found), text), found)


def _hidden_after(match: re.Match[str], found: Found) -> str:
    before = match["key"] + (match["sign"] or "")
    if match["quoted"] is not None:
        quotes = match["quotes"]
        closing = match["closing"]
        return f"{before}{quotes}{found.hidden(match['quoted'])}{closing}"
    if match["dollar"]:
        return f"{before}{match['dollar']}{found.hidden(match['inside'])}{match['end']}"
    if match["name"] is not None:
        return f'{before}"{found.hidden(match["name"])}"'
    return before + found.hidden(match["bare"])

"""Finds passwords in SQL, token by token, and in URLs, connection strings and messages. Pure.

The patterns limit lengths, so that no input makes a search slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from itertools import pairwise

from ..lazy import dataclass, regex
from .tokens import Kind, Token, tokens

MARK = "***"

_MAY_HOLD = regex(r"passw|://|options\s*\(|(?:create|alter)\s+(?:role|user|group|server|foreign)\b", re.IGNORECASE)
_AFTER_PASSWORD = regex(
    r"""(?P<key>\b(?:ssl)?passw(?:or)?d\b["']{0,4}\s{0,200})
    (?:(?P<sign>(?:=>|:=|=)\s{0,200})|(?<=\s))
    (?:(?P<quotes>(?:[eEnN]|[uU]&)?'+)(?!(?<='')[\s;,)])(?P<quoted>[^'\n]*(?:''[^'\n]+)*)(?P<closing>'*)
      |(?P<dollar>\$\w{0,60}\$)(?P<inside>.*?)(?P<end>(?P=dollar)|\Z)
      |"(?P<name>[^"\n]*)"
      |(?(sign)(?P<bare>[^\s'",;&()]+)|(?!)))""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_IN_URL = (
    regex(r"(?:(?<=postgres://)|(?<=postgresql://))([^\s:@/?#'\"]{0,200}:)([^\s'\"]{1,400})(?=@)", re.IGNORECASE),
    regex(
        r"(?<=://)(?<!postgres://)(?<!postgresql://)([^\s:@/?#'\"]{0,200}:)([^\s'\"/?#@]{1,400})(?=@)", re.IGNORECASE
    ),
    regex(r"([?&](?:ssl)?password=)([^\s&'\"#]{1,400})", re.IGNORECASE),
)
_CONNINFO = regex(r"\s*+(?:\w++\s*+=\s*+(?:'(?:[^'\\]++|\\.|'')*+'|[^\s']*+)\s*+)++", re.DOTALL)
_IN_CONNINFO = regex(r"(\b(?:ssl)?password\s*=\s*)(?:'((?:[^'\\]|\\.|'')*)'|([^\s']+))", re.IGNORECASE | re.DOTALL)

DEEPEST = 6
"""Maximum depth of nested strings that are searched."""

_ROLES = frozenset({"ROLE", "USER", "GROUP"})
_OPTION = regex(r".*(?:password|passwd|passphrase|secret|token|api_?key|access_key|private_key|sa_key)", re.IGNORECASE)
_BEFORE_OPTION = frozenset({"(", ",", "ADD", "SET"})
_BEFORE_ANY = frozenset({"UNTIL", "UESCAPE"})
_SIGNS = frozenset("=:>")
_BUILDS = regex(r"\bpassword\s*(?:=\s*)?(?:'*\s*\Z|'*%|\$\d)", re.IGNORECASE)
"""Matches a string to which a statement appends a password: the start of SQL, or of a connection string."""


@dataclass
class Found:
    """The secrets that a search has found and hidden."""

    secrets: set[str] = field(default_factory=set, repr=False)
    """Each secret both as written in the text and without SQL's escapes."""
    in_code: bool = False
    """Whether a secret is outside comments. `***` in place of a secret counts as a secret."""
    redacted: bool = False
    """Whether the text contained `***` in place of a secret that was hidden earlier."""

    def hidden(self, secret: str) -> str:
        """Records a secret. Returns a replacement with the same number of lines."""
        self.in_code = self.in_code or bool(secret.strip())
        if secret.rstrip("\n") == MARK:
            self.redacted = True
            return secret
        if not secret.strip():
            return secret
        self.secrets |= {secret, secret.replace("''", "'")}
        return MARK + "\n" * secret.count("\n")


def may_hold(text: str) -> bool:
    """Whether the text may contain a password. If False, the text certainly contains none."""
    return _MAY_HOLD.search(text) is not None


def hide_in_urls(text: str, found: Found) -> str:
    """The text without the passwords in URLs."""
    for pattern in _IN_URL:
        text = pattern.sub(lambda match: match[1] + found.hidden(match[2]), text)
    return text


def hide_in_conninfo(text: str, found: Found) -> str:
    """A libpq connection string without its passwords. Any other text is unchanged."""
    if not _CONNINFO.fullmatch(text):
        return text
    return _IN_CONNINFO.sub(
        lambda m: f"{m[1]}'{found.hidden(m[2])}'" if m[2] is not None else m[1] + found.hidden(m[3]), text
    )


def hide_in_text(text: str, found: Found) -> str:
    """The text without the passwords in URLs, and without the values after the word `password`."""
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


@dataclass
class Search:
    """The search of one text, which is SQL or a string in SQL."""

    sql: str
    found: Found
    depth: int = 0
    _instead: list[tuple[int, int, str]] = field(default_factory=list)

    def redacted(self) -> str:
        """The text with its secrets hidden."""
        statement: list[Token] = []
        for token in tokens(self.sql):
            if token.kind is Kind.COMMENT:
                self._comment(token)
            elif token.kind is not Kind.BLANK:
                statement.append(token)
            if self._text(token) == ";":
                self._statement(statement)
                statement = []
        self._statement(statement)
        return self._whole()

    def _comment(self, token: Token) -> None:
        """Hides secrets in a comment. Does not set `in_code`."""
        found = Found()
        self._replace(token.start, token.end, hide_in_text(self._text(token), found))
        self.found.secrets |= found.secrets

    def _whole(self) -> str:
        parts, at = [], 0
        for start, end, instead in sorted(self._instead):
            parts += [self.sql[at:start], instead]
            at = end
        return "".join([*parts, self.sql[at:]])

    def _text(self, token: Token) -> str:
        return self.sql[token.start : token.end]

    def _replace(self, start: int, end: int, instead: str) -> None:
        if self.sql[start:end] != instead:
            self._instead.append((start, end, instead))

    def _statement(self, statement: list[Token]) -> None:
        words = [self._text(t).upper() if t.kind in {Kind.WORD, Kind.OTHER} else "" for t in statement]
        secret = set(self._after_password(statement, words)) | set(self._options(statement, words))
        secret |= set(self._built(statement, words))
        secret |= {n for n in secret for n in self._continued(statement, n)}
        for position, token in enumerate(statement):
            if position in secret:
                self._replace(token.inside, token.until, self._hidden(token))
            elif token.kind in {Kind.STRING, Kind.NAME}:
                self._inside(token)

    def _hidden(self, token: Token) -> str:
        instead = self.found.hidden(self.sql[token.inside : token.until])
        if instead.startswith(MARK) and token.kind is Kind.STRING and (meant := self._meant(token)).strip("\n") != MARK:
            self.found.secrets.add(meant)
        return instead

    def _after_password(self, statement: list[Token], words: list[str]) -> Iterator[int]:
        """The positions of the values after PASSWORD in a statement about a role.

        If PASSWORD is misspelt, yields the positions of all strings.
        """
        begins = _role_statement(words)
        if begins is None:
            return
        sets = "SET" in words[begins:]
        for position in range(begins, len(words)):
            if words[position] == "PASSWORD" and words[position - 1] not in _ROLES:
                at = self._value(words, position + 1)
                if at < len(words) and words[at] != "NULL" and statement[at].kind is not Kind.OTHER:
                    yield at
            elif statement[position].kind is Kind.STRING and not sets and words[position - 1] not in _BEFORE_ANY:
                yield position

    def _options(self, statement: list[Token], words: list[str]) -> Iterator[int]:
        """The positions of the values of options with secret names, in OPTIONS (…)."""
        if "OPTIONS" not in words:
            return
        for position in range(words.index("OPTIONS") + 2, len(words) - 1):
            token = statement[position]
            if token.kind not in {Kind.WORD, Kind.NAME} or words[position - 1] not in _BEFORE_OPTION:
                continue
            name = self.sql[token.inside : token.until]
            at = self._value(words, position + 1)
            if _OPTION.fullmatch(name) and at < len(words) and statement[at].kind is not Kind.OTHER:
                yield at

    def _built(self, statement: list[Token], words: list[str]) -> Iterator[int]:
        """The positions of all strings after a string to which the statement appends a password (see `_BUILDS`)."""
        builds = False
        for position, token in enumerate(statement):
            if token.kind is not Kind.STRING:
                continue
            text = self._meant(token)
            asked = words[max(position - 2, 0) : position] == ["CURRENT_SETTING", "("]
            if builds and not asked and (any(map(str.isalnum, text)) or text.strip("\n") == MARK):
                yield position
            builds = builds or (len(text) < 4096 and _BUILDS.search(text) is not None)

    def _value(self, words: list[str], at: int) -> int:
        """The position of the first word that is not a sign such as `=`. Begins at `at`."""
        while at < len(words) and words[at] in _SIGNS:
            at += 1
        return at

    def _continued(self, statement: list[Token], position: int) -> Iterator[int]:
        """The positions of a string, and of the strings on the next lines that SQL concatenates with it."""
        yield position
        for before, after in pairwise(statement[position:]):
            if before.kind is not Kind.STRING or after.kind is not Kind.STRING:
                return
            if "\n" not in self.sql[before.end : after.start]:
                return
            yield position + 1
            position += 1

    def _meant(self, token: Token) -> str:
        """The value of a string token, without escapes."""
        text = self.sql[token.inside : token.until]
        if self.sql[token.start] == "$":
            return text
        return (text.replace("\\'", "'") if self.sql[token.start] in "eE" else text).replace("''", "'")

    def _inside(self, token: Token) -> None:
        """Searches inside a string, which may itself be SQL or a connection string."""
        if token.kind is Kind.NAME:
            self._replace(token.start, token.end, hide_in_urls(self._text(token), self.found))
            return
        text = self._meant(token)
        shown = hide_in_conninfo(text, self.found)
        if shown == text and self.depth < DEEPEST:
            shown = Search(text, self.found, self.depth + 1).redacted()
        shown = hide_in_urls(shown, self.found)
        if shown != text:
            quoted = shown if self.sql[token.start] == "$" else shown.replace("'", "''")
            self._replace(token.inside, token.until, quoted)


def _role_statement(words: list[str]) -> int | None:
    """The position at which CREATE ROLE, ALTER USER or similar begins. In PL/pgSQL, other words may come first."""
    for n, (one, two) in enumerate(pairwise(words)):
        if one in {"CREATE", "ALTER"} and two in _ROLES and words[n + 2 : n + 3] != ["MAPPING"]:
            return n
    return None

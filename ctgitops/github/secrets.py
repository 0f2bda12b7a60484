"""Lists every secret in each encoding that output could contain, in order to mask all output."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote, unquote_plus

SHORTEST = 6
"""Minimum length of a password that is masked everywhere.

A shorter password is masked only where the text shows that it is a password. Otherwise, masks in ordinary words would
make pages unreadable, and reveal the password.
"""
SHORTEST_BASE64 = 8
_KEY = r"(?:ssl_?)?(?:password|passwd|pwd)"
_IN_AUTHORITY = re.compile(r"://[^:/@?#]*:(.*)@", re.DOTALL)
_IN_QUERY = re.compile(rf"[?&]{_KEY}=([^&#]*)", re.IGNORECASE)
_IN_KEYWORDS = re.compile(rf"(?:^|[\s;]){_KEY}\s*=\s*(?:'((?:[^'\\]|\\.)*)'|\"([^\"]*)\"|([^\s;]+))", re.IGNORECASE)
_NAMES = re.compile(
    r"""://([^:/@?\#\s]+)[:@]|(?:^|[\s;?&])(?:user(?:\ ?(?:id|name))?|dbname|database|host|server)\s*=\s*'?([^\s;&']+)
    |@([^:/?\#\s]+)[:/]|://[^/\s]+/([^/?\#\s]+)(?:[?\#]|$)""",
    re.IGNORECASE | re.VERBOSE,
)
"""Matches the user, the host and the database of a connection string."""
_POSTGRES = re.compile(r"(?:jdbc:)?postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
_OTHER_URL = re.compile(r"(?:jdbc:)?[a-z][\w+.-]*://(?:[^:/@?#\s]*:[^/@\s]+@\S*|[^\s?]*\?\S*)", re.IGNORECASE)
_PAIRS = re.compile(
    r"(?:\s*+\w++\s*+=\s*+(?:'(?:[^'\\]|\\.)*+'|[^\s']\S*+)?+(?:\s++|$))+"
    r"|(?:\s*+\w[\w ]*+=\s*+(?:\"[^\"]*+\"|[^;]*+)(?:;|$))+\s*+"
)
"""Matches a connection string of libpq (`host=… password=…`), or of .NET and ODBC (`Host=…;Password=…`)."""
_LONGEST_CONNECTION = 10_000
WORDS = frozenset({"postgres", "postgresql", "password", "secret", "database", "localhost"})
"""Passwords that documentation uses as examples, and that are also ordinary words."""


def secrets_in(environ: Mapping[str, str], names: Iterable[str], token: str) -> tuple[str, ...]:
    """The texts to mask, longest first: the token, values of `names`, and connection strings in any variable.

    Also contains their passwords, and the values of variables whose names end with PASSWORD. A password is masked only
    where the text shows that it is a password, if it is short or is also a name in a connection string.
    """
    connections = {value for value in environ.values() if is_connection(value)}
    connections |= {environ[name] for name in names if name in environ}
    passwords = {value for name, value in environ.items() if name.upper().endswith(("PASSWORD", "PASSWD"))}
    passwords |= {password for each in connections for password in _passwords_of(each)}
    words = WORDS | {name.lower() for each in connections for name in _names_in(each)}
    words |= {environ.get(name, "").lower() for name in ("PGUSER", "PGDATABASE", "PGHOST", "POSTGRES_USER")}
    weak = {each for each in passwords if len(each) < SHORTEST or each.lower() in words}
    whole = {token, *connections, *(each.strip() for each in connections), *passwords - weak}
    whole |= {line for secret in whole for line in secret.splitlines()}
    whole = {secret for secret in whole if len(secret.strip()) >= SHORTEST}
    found = whole | {form for each in passwords - weak for form in _url_forms(each) if len(form) >= SHORTEST}
    found |= {text for each in weak if each.strip() for form in _url_forms(each) for text in _as_password(form)}
    found |= {form for secret in whole for form in base64_forms(secret)}
    return tuple(sorted(found, key=len, reverse=True))


def is_connection(value: str) -> bool:
    """Whether a value is a connection string: a PostgreSQL URL, or another URL or string with a password."""
    text = value.strip()
    if len(text) > _LONGEST_CONNECTION:
        return False
    if _POSTGRES.match(text):
        return True
    return bool((_OTHER_URL.fullmatch(text) or _PAIRS.fullmatch(text)) and any(_passwords_of(text)))


def forms_of(url: str) -> set[str]:
    """The forms of a connection string: the string itself, and its password, plain, URL-encoded and URL-decoded."""
    return {url, url.strip(), *(form for each in _passwords_of(url) for form in _url_forms(each))}


def base64_forms(secret: str) -> set[str]:
    """The base64 of `secret` at each offset in a longer text. Leaves out characters that also depend on other bytes."""
    encoded = {form for offset in range(3) for form in _base64(secret.encode(), offset)}
    safe = {form.translate(str.maketrans("+/", "-_")) for form in encoded}
    return {form for form in encoded | safe if len(form) >= SHORTEST_BASE64}


def hidden(text: str, secrets: tuple[str, ...]) -> str:
    """`text` with all of `secrets` masked. `secrets` must be sorted, the longest first."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _base64(secret: bytes, offset: int) -> Iterator[str]:
    text = b64encode(bytes(offset) + secret).decode()
    # A character has 6 bits: those at both ends also contain bits of the text before and after the secret
    begins, ends = -(-offset * 8 // 6), (offset + len(secret)) * 8 // 6
    yield text[begins:ends]
    if not offset:
        yield text


def _passwords_of(url: str) -> set[str]:
    """The passwords in a connection string, both decoded and as written."""
    written = {match[1] for pattern in (_IN_AUTHORITY, _IN_QUERY) if (match := pattern.search(url))}
    plain = {decoded for each in written for decoded in (each, unquote(each), unquote_plus(each))}
    if "://" not in url:
        for match in _IN_KEYWORDS.finditer(url):
            plain.add(re.sub(r"\\(.)", r"\1", match[1]) if match[1] is not None else match[2] or match[3])
    return plain - {""}


def _names_in(url: str) -> Iterator[str]:
    for match in _NAMES.finditer(url):
        yield from (unquote(group) for group in match.groups() if group)


def _url_forms(password: str) -> set[str]:
    return {password, quote(password, safe=""), quote(password), quote_plus(password)}


def _as_password(password: str) -> Iterator[str]:
    """The forms in which a text shows that something is a password, such as `:PASSWORD@` and `password=PASSWORD`."""
    yield f":{password}@"
    for key in ("password", "Password", "PASSWORD", "passwd", "pwd", "Pwd"):
        yield from (f"{key}={password}", f"{key}='{password}'", f"{key} '{password}'")

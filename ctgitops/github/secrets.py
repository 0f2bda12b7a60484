"""Lists every secret in each encoding in which output could contain it, so that all output can be masked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus, unquote, unquote_plus

SHORTEST = 4
"""Minimum length of a masked text: masking shorter ones would make the log unreadable and reveal them."""

_IN_AUTHORITY = re.compile(r"://[^:/@?#]*:(.*)@", re.DOTALL)
_IN_QUERY = re.compile(r"[?&](?:ssl)?password=([^&#]*)")
_IN_KEYWORDS = re.compile(r"(?:^|\s)(?:ssl)?password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))")
_URL = re.compile(r"postgres(?:ql)?://", re.IGNORECASE)


def secrets_in(environ: Mapping[str, str], names: Iterable[str], token: str) -> tuple[str, ...]:
    """The secrets, longest first: the token, every database URL, and the URLs' passwords, plain and URL-encoded."""
    urls = {value for value in environ.values() if _URL.match(value.strip())}
    urls |= {environ[name] for name in names if name in environ}
    found = {token, environ.get("PGPASSWORD", ""), *(form for url in urls for form in forms_of(url))}
    found |= {line for secret in found for line in secret.splitlines()}
    return tuple(sorted((s for s in found if len(s.strip()) >= SHORTEST), key=len, reverse=True))


def forms_of(url: str) -> set[str]:
    """A connection string, its password, and the password URL-encoded and URL-decoded."""
    passwords = {match[1] for pattern in (_IN_AUTHORITY, _IN_QUERY) if (match := pattern.search(url))}
    if match := _IN_KEYWORDS.search(url):
        passwords.add(re.sub(r"\\(.)", r"\1", match[1]) if match[1] is not None else match[2])
    plain = {decoded for p in passwords for decoded in (p, unquote(p), unquote_plus(p))}
    encoded = {form for p in plain for form in (quote(p, safe=""), quote(p), quote_plus(p))}
    return {url, url.strip(), *plain, *encoded}


def hidden(text: str, secrets: tuple[str, ...]) -> str:
    """`text` with all of `secrets` masked; `secrets` must be sorted, longest first."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text

"""Removes secrets from the output of pg_dump. Pure."""

from __future__ import annotations

import re

from .redact import redact

_OPTIONS = r"[ \n]OPTIONS \((?:[^']|'(?:[^']|'')*')*?\);"
_MAPPING = re.compile(rf"^(CREATE USER MAPPING FOR .* SERVER .*?){_OPTIONS}", re.MULTILINE)
_FOREIGN = re.compile(
    rf"^((?:CREATE (?:SERVER|FOREIGN DATA WRAPPER)|ALTER FOREIGN TABLE|SERVER) .*?)({_OPTIONS})", re.MULTILINE
)
"""Matches the options of servers, wrappers and foreign tables. In the latter, SERVER and OPTIONS are on own lines."""
_ANY_SERVER = "CREATE SERVER s FOREIGN DATA WRAPPER w"
_SECRET = re.compile(r"\b(\w*(?:pass|secret|token|sslkey)\w*) '(?:[^']|'')*'", re.IGNORECASE)


def without_secrets(schema: str) -> str:
    """Removes credentials from user mappings. Hides secret options of foreign servers, tables and wrappers."""
    return _FOREIGN.sub(lambda found: found[1] + _hidden(found[2]), _MAPPING.sub(r"\1;", schema))


def _hidden(options: str) -> str:
    """An OPTIONS clause without secrets."""
    return redact(_ANY_SERVER + _SECRET.sub(r"\1 '***'", options)).removeprefix(_ANY_SERVER)

"""graphile-migrate: `committed/000001-add-photos.sql` with a header of `--!` lines, and `current.sql`.

Source: `src/migration.ts`, `src/header.ts`, `src/hash.ts` and FORMATS.md, versions 1.4 and 2.0. `current.sql` changes
until it is committed, so it is never run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from ..core.problem import Problem
from ..errors import Place
from ..sql.script import Script
from .records import graphile_migrate
from .sections import NO_TRANSACTION, has_sql
from .tool import Divided, Folder, Tool

_FILE = r"committed/(?P<digits>[0-9]{6,})(?:-(?P<words>[^/]*))?\.sql"
_CURRENT = re.compile(r"current(?:\.sql|/.+\.sql)")
_HEADER = re.compile(r"\A(?:--! [A-Z][A-Za-z]*(?:: [^\n]*)?\n)+\n*")
_FIELD = re.compile(r"^--! (?P<name>[A-Z][A-Za-z]*)(?:: (?P<value>[^\n]*))?$", re.MULTILINE)
_NO_TRANSACTION = re.compile(r"^--![ \t]*no-transaction\b[^\n]*", re.MULTILINE | re.IGNORECASE)
_MARK = re.compile(r"^--!", re.MULTILINE)
_PLACEHOLDER = re.compile(r"(?<![:\w]):([A-Z][A-Z0-9_]+)\b")


def _divide(text: str, path: str) -> Divided:
    sql = _MARK.sub("-- ", _NO_TRANSACTION.sub(NO_TRANSACTION, text))
    return Divided(Script(sql, path), None, tuple(_placeholders(text, path)))


def _placeholders(text: str, path: str) -> Iterator[Problem]:
    if match := _PLACEHOLDER.search(text):
        place = Place(path, text.count("\n", 0, match.start()) + 1)
        what = f"the placeholder `{match[0]}` of graphile-migrate has no value"
        hint = f"add `placeholders: {{{match[1]}: VALUE}}` to migrations/policy.yaml"
        yield Problem("other-tool", what, place, hint)


def _check(folder: Folder) -> Iterator[Problem]:
    for path, text in folder.texts.items():
        if _CURRENT.fullmatch(path):
            if has_sql(text):
                what = f"`{path}` contains SQL that is not committed, and ctgitops does not run it"
                yield Problem("layout", what, folder.place(path), "run `graphile-migrate commit`")
        elif problem := _hash_problem(folder, path, text):
            yield problem


def _hash_problem(folder: Folder, path: str, text: str) -> Problem | None:
    header = _HEADER.match(text)
    fields = {match["name"]: match["value"] or "" for match in _FIELD.finditer(header[0])} if header else {}
    hashed = fields.get("Hash", "")
    if header is None or not hashed.startswith("sha1:") or "AllowInvalidHash" in fields:
        return None
    previous = fields.get("Previous", "-")
    signed = f"{'' if previous == '-' else previous}\n{text[header.end() :]}".strip() + "\n"
    if hashed == f"sha1:{hashlib.sha1(signed.encode(), usedforsecurity=False).hexdigest()}":
        return None
    hint = "restore the file from git; graphile-migrate refuses it too"
    return Problem("layout", f"`{path}` was changed after it was committed: its hash differs", folder.place(path), hint)


TOOL = Tool(
    name="graphile-migrate",
    title="graphile-migrate",
    tried="run",
    files=(re.compile(_FILE),),
    divide=_divide,
    placeholder=_PLACEHOLDER,
    reads=re.compile(rf"{_CURRENT.pattern}|committed/[^/]*\.sql"),
    check=_check,
    creates="graphile-migrate commit",
    record=graphile_migrate,
)

"""Prisma Migrate: a folder `20240101120000_add_photos` with `migration.sql`, and `migration_lock.toml`.

Source: `schema-engine/connectors/schema-connector/src/migrations_directory.rs`, and the documentation.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from ..core.problem import Problem
from .records import prisma
from .tool import Folder, Tool

_LOCK = "migration_lock.toml"
_NUMBERED = re.compile(r"[0-9]+_[^/]*/migration\.sql")


def _check(folder: Folder) -> Iterator[Problem]:
    for path in folder.files:
        if path.endswith("/migration.sql") and path.count("/") == 1 and not _NUMBERED.fullmatch(path):
            what = f"the folder `{path.partition('/')[0]}` has no number, so its place in the order is unknown"
            yield Problem("file-name", what, folder.place(path), "prefix the folder's name with a timestamp and `_`")
    text = folder.texts.get(_LOCK)
    if text is None:
        return
    try:
        provider = tomllib.loads(text).get("provider", "postgresql")
    except tomllib.TOMLDecodeError as error:
        what = f"the file is not valid TOML: {error}"
        yield Problem("layout", what, folder.place(_LOCK), "restore the file from git")
        return
    if provider not in {"postgresql", "cockroachdb"}:
        what = f"the migrations are for `{provider}`, and ctgitops runs migrations on PostgreSQL"
        yield Problem("layout", what, folder.place(_LOCK), "choose the folder of the PostgreSQL database")


TOOL = Tool(
    name="prisma",
    title="Prisma Migrate",
    tried="read",
    files=(re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)/migration\.sql"),),
    reads=re.compile(re.escape(_LOCK)),
    check=_check,
    creates="prisma migrate dev --create-only",
    record=prisma,
    by_text=True,
    numbers_repeat=True,
)

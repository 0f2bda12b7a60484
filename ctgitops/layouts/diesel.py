"""Diesel: a folder `2024-01-01-120000_add_photos` with `up.sql`, `down.sql` and optionally `metadata.toml`.

Source: `diesel_migrations/src/file_based_migrations.rs`, version 2. The version of a migration is the text before the
first `_`, without dashes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace

from ..core.problem import Problem
from .records import by_version
from .tool import Arranged, Folder, Tool

_FILES = (re.compile(r"(?P<digits>[0-9][0-9-]*)_(?P<words>[^/]*)/(?P<kind>up|down)\.sql"),)
_METADATA = re.compile(r"[^/]+/metadata\.toml")
_PLAIN = Tool("diesel", "Diesel", "read", files=_FILES)


def _arrange(folder: Folder) -> Arranged:
    found = _PLAIN.arranged(folder)
    sources = (replace(each, outside_transaction=_outside(folder, each.up)) for each in found.sources)
    return replace(found, sources=tuple(sources))


def _outside(folder: Folder, up: str) -> bool:
    try:
        return tomllib.loads(folder.texts.get(_metadata(up), "")).get("run_in_transaction") is False
    except tomllib.TOMLDecodeError:
        return False


def _metadata(up: str) -> str:
    return f"{up.rpartition('/')[0]}/metadata.toml"


def _check(folder: Folder) -> Iterator[Problem]:
    for path, text in folder.texts.items():
        try:
            tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            what = f"the file is not valid TOML: {error}"
            yield Problem("layout", what, folder.place(path), "correct the file as Diesel expects it")


TOOL = Tool(
    name="diesel",
    title="Diesel",
    tried="read",
    files=_FILES,
    arrange=_arrange,
    reads=_METADATA,
    check=_check,
    new="{number}_{words}/up.sql",
    new_down="{number}_{words}/down.sql",
    creates="diesel migration generate",
    record=by_version,
)

"""Drizzle Kit: `0000_add_photos.sql`, in the order of `meta/_journal.json`; since 1.0 a folder with `migration.sql`.

Source: `drizzle-orm/src/migrator.ts`. Files that the journal does not name are not run. The lines
`--> statement-breakpoint` are comments to PostgreSQL too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ..core.problem import Problem
from .records import drizzle
from .tool import Arranged, Folder, Source, Tool, distinct

_JOURNAL = "meta/_journal.json"
_TAG = re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)")
_FLAT = re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)\.sql")
_FOLDER = re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)/migration\.sql")


def _arrange(folder: Folder) -> Arranged:
    if _JOURNAL not in folder.texts:
        return _BY_NAME.arranged(folder)
    try:
        entries = [(int(entry["idx"]), str(entry["tag"])) for entry in json.loads(folder.texts[_JOURNAL])["entries"]]
    except (ValueError, KeyError, TypeError) as error:
        what = f"the journal cannot be read: {type(error).__name__}: {error}"
        return Arranged((), problems=(Problem("layout", what, folder.place(_JOURNAL), "restore the file from git"),))
    return Arranged(distinct(_source(*entry) for entry in entries), problems=tuple(_problems(folder, entries)))


def _source(position: int, tag: str) -> Source:
    match = _TAG.fullmatch(tag)
    digits, words = (match["digits"], match["words"]) if match else (f"{position:04}", tag)
    return Source(digits, words, f"{tag}.sql")


def _problems(folder: Folder, entries: list[tuple[int, str]]) -> Iterator[Problem]:
    tags = {tag for _, tag in entries}
    for tag in sorted(tags):
        if f"{tag}.sql" not in folder.files:
            what = f"the journal names `{tag}`, but `{tag}.sql` does not exist"
            yield Problem("layout", what, folder.place(_JOURNAL), "restore the file, or run `drizzle-kit drop`")
    for path in folder.files:
        if (
            _TAG.fullmatch(path.removesuffix(".sql"))
            and path.endswith(".sql")
            and path.removesuffix(".sql") not in tags
        ):
            what = f"`{path}` is not in the journal, so Drizzle does not run it"
            yield Problem("layout", what, folder.place(path), "add it with `drizzle-kit generate`, or remove the file")


def _check(folder: Folder) -> Iterator[Problem]:
    flat = [path for path in folder.files if _FLAT.fullmatch(path)]
    if flat and _JOURNAL not in folder.texts:
        what = f"`{_JOURNAL}` does not exist, so the order of the files is unknown"
        yield Problem("layout", what, folder.place(flat[0]), "restore the journal from git")


_FILES = (_FOLDER, _FLAT)
_BY_NAME = Tool("drizzle", "Drizzle Kit", "run", files=_FILES)
TOOL = Tool(
    name="drizzle",
    title="Drizzle Kit",
    tried="run",
    files=_FILES,
    arrange=_arrange,
    reads=re.compile(re.escape(_JOURNAL)),
    check=_check,
    creates="drizzle-kit generate --custom",
    record=drizzle,
)

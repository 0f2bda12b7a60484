"""Atlas: `20240101120000_add_photos.sql`, protected by the checksums in `atlas.sum`.

Source: `sql/migrate/dir.go`. The checksum of a file covers the file and all earlier files: SHA-256 of names and texts.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace

from ..core.problem import Problem
from .records import atlas
from .sections import Directives
from .tool import Divided, Folder, Tool

_SUM = "atlas.sum"
_FILES = (re.compile(r"(?P<digits>[0-9]+)(?:_(?P<words>[^/]*))?\.sql"),)
_DIRECTIVES = Directives(
    title="Atlas",
    outside=r"--[ \t]*atlas:txmode[ \t]+none",
    ignored=r"--[ \t]*atlas:(?:txmode[ \t]+(?:file|all)|nolint\b.*|sum\b.*)",
    refused=r"--[ \t]*atlas:(?:delimiter|checkpoint|txtar|import|assert)\b.*",
)


def _divide(text: str, path: str) -> Divided:
    return replace(_DIRECTIVES.divide(text, path), down=None)


def _check(folder: Folder) -> Iterator[Problem]:
    if _SUM not in folder.texts:
        what = "`atlas.sum` does not exist, so changed files cannot be detected as Atlas does"
        yield Problem("layout", what, folder.place(_SUM), "run `atlas migrate hash`", blocks=False)
        return
    _, *lines = folder.texts[_SUM].splitlines()
    recorded = dict(line.rsplit(" ", 1) for line in lines if " " in line)
    running = hashlib.sha256()
    for path in sorted(p for p in folder.files if "/" not in p and p.endswith(".sql")):
        text = folder.texts.get(path, "")
        running.update(path.encode())
        if "atlas:sum ignore" not in text.partition("\n")[0]:
            running.update(text.encode())
        if recorded.get(path) != f"h1:{base64.b64encode(running.digest()).decode()}":
            what = f"`{path}` is not in atlas.sum" if path not in recorded else f"`{path}` differs from atlas.sum"
            hint = "restore the file from git; after a change on purpose, run `atlas migrate hash`"
            yield Problem("layout", what, folder.place(path), hint)
            return
    for missing in sorted(recorded.keys() - set(folder.files)):
        yield Problem("layout", f"atlas.sum names `{missing}`, which does not exist", folder.place(_SUM), "restore it")


TOOL = Tool(
    name="atlas",
    title="Atlas",
    tried="read",
    files=_FILES,
    divide=_divide,
    reads=re.compile(r"atlas\.sum|[^/]+\.sql"),
    check=_check,
    creates="atlas migrate new",
    record=atlas,
    by_text=True,
)

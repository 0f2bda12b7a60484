"""node-pg-migrate with SQL files: `1704110400000_add_photos.sql`, with `-- Up Migration` and `-- Down Migration`.

Source: `src/sqlMigration.ts` and `src/migration.ts`, version 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.problem import Problem
from .records import node_pg_migrate
from .sections import Directives
from .tool import Folder, Tool

_DIRECTIVES = Directives(
    title="node-pg-migrate",
    up=r"--[\s-]*up\s+migration.*",
    down=r"--[\s-]*down\s+migration.*",
)


def _check(folder: Folder) -> Iterator[Problem]:
    for path in folder.files:
        if "/" not in path and path.endswith(".sql") and TOOL.parse(path) is None:
            what = f"`{path}` has no number before `_`, so node-pg-migrate cannot determine its place in the order"
            yield Problem("file-name", what, folder.place(path), "rename it to `TIMESTAMP_name.sql`")


TOOL = Tool(
    name="node-pg-migrate",
    title="node-pg-migrate",
    tried="run",
    files=(
        re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*?)\.(?P<kind>up|down)\.sql"),
        re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)\.sql"),
    ),
    divide=_DIRECTIVES.divide,
    check=_check,
    foreign=re.compile(r"[0-9]+[-_][^/]*\.[cm]?[jt]s"),
    new="{number}_{words}.sql",
    template="-- Up Migration\n\n-- Down Migration\n",
    creates="node-pg-migrate create -j sql",
    record=node_pg_migrate,
    numbers_repeat=True,
)

"""node-pg-migrate with SQL files: `1704110400000_add-photos.sql`, with `-- Up Migration` and `-- Down Migration`.

Read in its source (`src/sqlMigration.ts` and `src/migration.ts`, version 7).
"""

from __future__ import annotations

import re

from .sections import Directives
from .tool import Tool

_DIRECTIVES = Directives(
    title="node-pg-migrate",
    up=r"--[\s-]*up\s+migration.*",
    down=r"--[\s-]*down\s+migration.*",
)

TOOL = Tool(
    name="node-pg-migrate",
    title="node-pg-migrate",
    tried="run",
    files=(
        re.compile(r"(?P<digits>[0-9]+)[-_](?P<words>[^/]*?)\.(?P<kind>up|down)\.sql"),
        re.compile(r"(?P<digits>[0-9]+)[-_](?P<words>[^/]*)\.sql"),
    ),
    divide=_DIRECTIVES.divide,
    foreign=re.compile(r"[0-9]+[-_][^/]*\.[cm]?[jt]s"),
    new="{number}_{words}.sql",
    template="-- Up Migration\n\n-- Down Migration\n",
    creates="node-pg-migrate create -j sql",
)

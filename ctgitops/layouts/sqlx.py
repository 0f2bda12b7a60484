"""sqlx: `20240101120000_add_photos.sql`, or `.up.sql` and `.down.sql`; the first line can be `-- no-transaction`.

Source: `sqlx-core/src/migrate`, version 0.8.
"""

from __future__ import annotations

import re

from ..sql.script import Script
from .records import sqlx
from .sections import NO_TRANSACTION
from .tool import Divided, Tool

_FIRST_LINE = re.compile(r"\A--[ \t]*no-transaction\b[^\n]*")


def _divide(text: str, path: str) -> Divided:
    return Divided(Script(_FIRST_LINE.sub(NO_TRANSACTION, text), path))


TOOL = Tool(
    name="sqlx",
    title="sqlx",
    tried="read",
    files=(
        re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*?)\.(?P<kind>up|down)\.sql"),
        re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)\.sql"),
    ),
    divide=_divide,
    new="{number}_{words}.up.sql",
    new_down="{number}_{words}.down.sql",
    creates="sqlx migrate add",
    record=sqlx,
)

"""dbmate: `db/migrations/20240101120000_add_photos.sql` with the sections `-- migrate:up` and `-- migrate:down`."""

from __future__ import annotations

import re

from .dbmate_sections import scripts_of
from .records import by_version
from .tool import Divided, Tool


def _divide(text: str, path: str) -> Divided:
    up, down, problems = scripts_of(text, path)
    return Divided(up, down, problems)


TOOL = Tool(
    name="dbmate",
    title="dbmate",
    tried="run",
    files=(re.compile(r"(?P<digits>[0-9]+)(?:_(?P<words>[^/]*))?\.sql"),),
    divide=_divide,
    new="{number}_{words}.sql",
    template="-- migrate:up\n\n\n-- migrate:down\n\n",
    creates="dbmate new",
    record=by_version,
    by_text=True,
)

"""golang-migrate: `migrations/000001_add_photos.up.sql` and `.down.sql`.

Source: `source/parse.go`. The pattern of a file name is `^([0-9]+)_(.*)\\.(down|up)\\.(.*)$`.
"""

from __future__ import annotations

import re

from .records import by_number
from .tool import Tool

TOOL = Tool(
    name="golang-migrate",
    title="golang-migrate",
    tried="read",
    files=(re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)\.(?P<kind>up|down)\.sql"),),
    new="{number}_{words}.up.sql",
    new_down="{number}_{words}.down.sql",
    creates="migrate create -ext sql",
    record=by_number,
)

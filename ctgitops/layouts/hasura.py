"""Hasura CLI: a folder `1704110400000_add_photos` with `up.sql` and `down.sql`, one parent folder for each database.

Source: `cli/migrate/source/file`, version 2.
"""

from __future__ import annotations

import re

from .tool import Tool

TOOL = Tool(
    name="hasura",
    title="Hasura CLI",
    tried="read",
    files=(
        re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)/(?P<kind>up|down)\.sql"),
        re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)\.(?P<kind>up|down)\.sql"),
    ),
    foreign=re.compile(r"[0-9]+_[^/]*(?:/(?:up|down)|\.(?:up|down))\.yaml"),
    new="{number}_{words}/up.sql",
    new_down="{number}_{words}/down.sql",
    creates="hasura migrate create",
)

"""refinery: `V1__add_photos.sql`, and `U1__add_photos.sql` for a migration out of order, not for a rollback.

Source: `refinery_core/src/util.rs`, version 0.8.
"""

from __future__ import annotations

import re

from .tool import Tool

TOOL = Tool(
    name="refinery",
    title="refinery",
    tried="read",
    files=(re.compile(r"(?:[^/]+/)*[UV](?P<digits>[0-9]+)__(?P<words>\w+)\.sql"),),
    foreign=re.compile(r"(?:[^/]+/)*[UV][0-9]+(?:\.[0-9]+)?__\w+\.rs"),
    new="V{number}__{words}.sql",
)

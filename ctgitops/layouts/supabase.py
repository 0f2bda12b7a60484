"""Supabase CLI: `supabase/migrations/20240101120000_add_photos.sql`, one flat folder, no rollback.

Read in the CLI's source (`pkg/migration/list.go`, version 2): the pattern of a file is `^([0-9]+)_(.*)\\.sql$`, and
the CLI skips other files.
"""

from __future__ import annotations

import re

from .tool import Tool

TOOL = Tool(
    name="supabase",
    title="Supabase CLI",
    tried="read",
    files=(re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)\.sql"),),
    new="{number}_{words}.sql",
    creates="supabase migration new",
)

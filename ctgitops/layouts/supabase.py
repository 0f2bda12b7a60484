"""Supabase CLI: `supabase/migrations/20240101120000_add_photos.sql`, without subfolders and rollback files.

Source: `pkg/migration/list.go`, version 2. The pattern of a file name is `^([0-9]+)_(.*)\\.sql$`. The CLI skips other
files.
"""

from __future__ import annotations

import re

from .records import supabase
from .tool import Tool

TOOL = Tool(
    name="supabase",
    title="Supabase CLI",
    tried="read",
    files=(re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)\.sql"),),
    new="{number}_{words}.sql",
    creates="supabase migration new",
    record=supabase,
    by_text=True,
)

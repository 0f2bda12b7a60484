"""The path of the rollback that belongs to a migration's file."""

from __future__ import annotations

import re


def rollback_path(path: str) -> str:
    """`migrations/001_a.down.sql` for `migrations/001_a.sql` and `migrations/001_a.up.sql`."""
    return re.sub(r"(?:\.up)?\.sql$", "", path, flags=re.IGNORECASE) + ".down.sql"

"""File and folder names of other migration tools, each with the name that ctgitops reads instead."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from ..lazy import regex

_FLYWAY = regex(r"([VUBR])([0-9]+(?:[._][0-9]+)*)?__(.+)\.sql", re.IGNORECASE)
_POSTGRATOR = regex(r"([0-9]+)\.(do|undo)\.(?:(.+)\.)?sql", re.IGNORECASE)
_BACK = regex(r"(.+)[._-](?:rollback|undo|revert|down)", re.IGNORECASE)
_DATED = regex(r"([0-9][0-9-]*)[-_](.+)")
_WORDS = regex(r"[^A-Za-z0-9]+")


def name_of_other_tool(name: str) -> tuple[str, str] | None:
    """The tool that uses such file names, and how to rename the file. None if no known tool does."""
    if match := _FLYWAY.fullmatch(name):
        kind, version, words = match[1].upper(), match[2] or "", _slug(match[3])
        if kind == "R":
            return "repeatable Flyway", "move it to the folder `repeatable` in the folder of the migrations"
        number = f"{int(version[:18]):03}" if version.isdecimal() else "NNN"
        order = "" if version.isdecimal() else ", with numbers in version order"
        back = ".down" if kind == "U" else ""
        return "Flyway or refinery", f"rename the file to `{number}_{words}{back}.sql`{order}"
    if match := _POSTGRATOR.fullmatch(name):
        back = ".down" if match[2].lower() == "undo" else ""
        return "postgrator", f"rename the file to `{match[1]}_{_slug(match[3] or 'migration')}{back}.sql`"
    return None


def rollbacks_named_otherwise(stems: Collection[str]) -> Iterator[tuple[str, str]]:
    """Pairs of the stem of a rollback file, and the stem of the file that it rolls back. Recognises them by name."""
    for stem in stems:
        match = _BACK.fullmatch(stem)
        names = [f"{match[1]}{ending}" for ending in ("", "_up", "-up", ".do")] if match else []
        if forward := next((name for name in names if name in stems), None):
            yield stem, forward


def folder_of_other_tool(folder: Path) -> tuple[str, str] | None:
    """The tool that has such a folder for each migration, and where to move the files. None if no known tool does."""
    _, _, names = next(os.walk(folder), ("", [], []))
    match = _DATED.fullmatch(folder.name)
    stem = f"{match[1].replace('-', '')}_{_slug(match[2])}" if match else "NNN_name"
    if "up.sql" in names:
        return "Diesel or Hasura", f"move its `up.sql` to `{stem}.sql` and its `down.sql` to `{stem}.down.sql`"
    if "migration.sql" in names:
        return "Prisma", f"move its `migration.sql` to `{stem}.sql`"
    return None


def holds_sql(folder: Path) -> bool:
    """Whether a folder contains SQL at any depth. True if it cannot be listed. Does not follow links."""
    unread: list[OSError] = []
    found = any(
        name.lower().endswith(".sql") for _, _, names in os.walk(folder, onerror=unread.append) for name in names
    )
    return found or bool(unread)


def _slug(words: str) -> str:
    return _WORDS.sub("_", words).strip("_") or "migration"

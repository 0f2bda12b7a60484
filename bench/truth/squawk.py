"""Runs squawk on the same files, if it is installed (`pip install squawk-cli`)."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

LOCK_RULES = frozenset(
    {
        "require-concurrent-index-creation", "changing-column-type", "adding-field-with-default",
        "adding-not-nullable-field", "constraint-missing-not-valid", "adding-foreign-key-constraint",
        "disallowed-unique-constraint", "adding-serial-primary-key-field",
    }
)  # fmt: skip
"""squawk's rules about blocked writes."""


def squawk(files: list[Path]) -> dict[str, set[str]] | None:
    """By file, the rules that squawk reports; None if it is not installed."""
    program = shutil.which("squawk")
    if program is None:
        return None
    command = [program, "--assume-in-transaction", "--reporter", "json", *map(str, files)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found: dict[str, set[str]] = defaultdict(set)
    for each in json.loads(said or "[]"):
        found[each["file"]].add(each["rule_name"])
    return found

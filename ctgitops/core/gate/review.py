"""Checks that a merged pull request showed every file of a plan with the same text. Pure.

This module counts no approvals, because GitHub's branch protection requires them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...lazy import dataclass

if TYPE_CHECKING:
    from ...sql.script import Script
    from ..plan.plan import Plan
    from ..workspace.workspace import Workspace

MOST = 1_800
"""The maximum number of digests in the text of one check run."""
_MARK = "ctgitops-shown"
_DIGITS = 32


@dataclass(frozen=True, order=True)
class ShownFile:
    """One file of a plan, by its path in the repository and its text."""

    path: str
    checksum: str

    @property
    def digest(self) -> str:
        """A hash of path and text. The hash is short because many hashes must fit into one check run."""
        return hashlib.sha256(json.dumps([self.path, self.checksum]).encode()).hexdigest()[:_DIGITS]


@dataclass(frozen=True)
class Reviews:
    """The digests of the files that merged pull requests showed in plans, or why these digests are unknown."""

    seen: frozenset[str] = frozenset()
    unknown: str = ""
    hint: str = ""


def files_of(plan: Plan, folder: str = "") -> tuple[ShownFile, ...]:
    """Every file that a plan would run or store, without duplicates. Sections of one file count as one file."""
    found: dict[str, str] = {}
    found.update((step.script.path, step.checksum) for step in plan.steps if step.replaces)
    for step in plan.singles:
        found.setdefault(step.script.path, step.checksum)
        for path, checksum in _texts(step.rollback_script, step.verify):
            found.setdefault(path, checksum)
    for seed in plan.seeds:
        found.setdefault(seed.name, seed.checksum)
    return _shown(folder, found)


def all_files_of(workspace: Workspace, folder: str = "") -> tuple[ShownFile, ...]:
    """Every file of a checkout that a plan could contain."""
    found: dict[str, str] = {}
    for migration in workspace.migrations:
        for path, checksum in ((migration.path, migration.checksum), *_texts(migration.down, migration.verify)):
            found.setdefault(path, checksum)
    found.update((squash.path, squash.script.checksum) for squash in workspace.squashes)
    for seeds in (workspace.repeatable, *(workspace.seeds or {}).values()):
        found.update((seed.name, seed.checksum) for seed in seeds)
    return _shown(folder, found)


def _texts(*scripts: Script | None) -> list[tuple[str, str]]:
    return [(script.path, script.checksum) for script in scripts if script]


def _shown(folder: str, found: dict[str, str]) -> tuple[ShownFile, ...]:
    return tuple(ShownFile(f"{folder}{path}", checksum) for path, checksum in found.items())


def shown_texts(files: Iterable[ShownFile]) -> tuple[str, ...]:
    """The record of the files that a plan showed, in parts of at most MOST digests. Without files, one empty part.

    The record is stored in check runs, which people cannot edit. Each part contains the digest of the whole record. By
    this digest, `missing_parts` counts the missing parts.
    """
    digests = sorted({file.digest for file in files})
    whole = hashlib.sha256("".join(digests).encode()).hexdigest()[:_DIGITS]
    parts = [digests[at : at + MOST] for at in range(0, len(digests), MOST)] or [[]]
    records = (
        {_MARK: 1, "whole": whole, "part": number, "parts": len(parts), "files": part}
        for number, part in enumerate(parts, start=1)
    )
    return tuple(
        "The files that this plan showed, for `reviewed` in manifests:\n\n```json\n"
        f"{json.dumps(record, separators=(',', ':'))}\n```\n"
        for record in records
    )


@dataclass(frozen=True)
class ShownPart:
    """One part of the record of the files that a plan showed. `shown_texts` writes such parts."""

    digests: frozenset[str] = frozenset()
    whole: str = ""
    """The digest of the whole record. All parts of a record have the same digest."""
    part: int = 1
    parts: int = 1


def shown_in(text: str) -> ShownPart | None:
    """The part of a record that `text` contains. None without a part, or if the part's JSON is malformed."""
    found = next((line for line in text.splitlines() if line.startswith(f'{{"{_MARK}":')), "")
    try:
        record = json.loads(found)
        digests = frozenset(d for d in record["files"] if isinstance(d, str) and len(d) == _DIGITS)
        if "parts" not in record:  # older versions wrote no parts, and cut a record at MOST
            return ShownPart(digests, parts=2 if len(digests) == MOST else 1)
        return ShownPart(digests, str(record["whole"]), int(record["part"]), int(record["parts"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def missing_parts(found: Iterable[ShownPart]) -> int:
    """Counts the parts that are missing from the records to which the found parts belong."""
    there: dict[tuple[str, int], set[int]] = {}
    for each in found:
        there.setdefault((each.whole, each.parts), set()).add(each.part)
    return sum(max(parts - len(numbers), 0) for (_, parts), numbers in there.items())


def unseen(plan: Plan, reviews: Reviews, folder: str) -> tuple[ShownFile, ...]:
    """The files of a plan that no merged pull request showed with their current text."""
    return tuple(file for file in files_of(plan, folder) if file.digest not in reviews.seen)

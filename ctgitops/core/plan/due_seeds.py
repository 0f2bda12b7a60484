"""The seed files that a plan runs: new files, changed files, and files whose rows a rollback removed. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from ...errors import Place
from ...sql.guard import NotAnalysedError
from ...sql.parse import SqlSyntaxError, what_it_makes
from ...sql.script import Script
from ..ledger.ledger import Entry, Ledger, Mark
from ..problem import Problem

if TYPE_CHECKING:
    from ..migration.migration import Seed


def due_seeds(seeds: tuple[Seed, ...], ledger: Ledger, pending: Collection[int]) -> tuple[Seed, ...]:
    """The seed files to run, in their order. `pending` has the migrations that the plan applies first."""
    return tuple(s for s in seeds if ledger.seeded.get(s.name) != s.checksum or _undone(s, ledger, pending))


def seed_again_problems(seeds: tuple[Seed, ...], ledger: Ledger, pending: Collection[int]) -> Iterator[Problem]:
    """A warning for each seed file that runs again although its text has not changed."""
    for seed in seeds:
        undone = _undone(seed, ledger, pending)
        if undone and ledger.seeded.get(seed.name) == seed.checksum:
            what = f"{seed.name} runs again, because {undone} was rolled back after it had run"
            hint = "the file must be able to run twice, for example with `ON CONFLICT DO NOTHING`"
            yield Problem("seed-again", what, Place(seed.script.path), hint, blocks=False)


def _undone(seed: Seed, ledger: Ledger, pending: Collection[int]) -> str:
    """The rolled-back migration that created a table or column which the seed file names. Empty if there is none."""
    applied: dict[int, Entry] = {}
    undone = ""
    for entry in ledger.entries:
        if entry.number is None:
            ran = entry.mark is Mark.APPLIED and entry.name == seed.name
            undone = "" if ran else undone
        elif entry.marks_applied:
            applied[entry.number] = entry
        elif entry.mark is Mark.ROLLED_BACK and (entry.number in ledger.applied or entry.number in pending):
            made = applied.get(entry.number)
            undone = entry.name if made and _names(seed, made) else undone
    return undone


def _names(seed: Seed, entry: Entry) -> bool:
    """Whether a seed file names a table that a migration creates, or a new column together with its table."""
    words = set(re.findall(r"[\w$]+", seed.script.sql.lower()))
    try:
        made = what_it_makes(Script(entry.sql or "", entry.name).sent)
    except (SqlSyntaxError, NotAnalysedError):
        return True
    return any(
        all(part.rpartition(".")[2].strip('"').lower() in words for part in (table, column) if part)
        for table, column in made
    )

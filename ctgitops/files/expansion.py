"""The files of an expand and contract: numbers, headers and parts for its phases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from ..core.expand.phase import Phase, PhaseKind
from ..core.ledger.contract import contract_of
from ..core.migration.header import parse_header
from ..core.migration.migration import Migration
from ..core.migration.structure import PARTS
from ..errors import UsageError
from ..lazy import dataclass
from ..sql.script import Script
from ..sql.tokens import code_words
from .scaffold import Change, NewFile, Order, new_migration, slug_of

if TYPE_CHECKING:
    from ..core.workspace.workspace import Workspace

_CHANGES = {PhaseKind.EXPAND: Change.ADDITIVE, PhaseKind.CONTRACT: Change.BREAKING}
"""How each phase changes the schema version. Other phases are fixes."""
_NAMEABLE = re.compile(r"[\w$]+(?:\.[\w$]+){1,2}")
"""The names that the header field `Deprecates` can hold."""


@dataclass(frozen=True)
class Expansion:
    """The inputs for the files of one change."""

    slug: str
    sentence: str
    author: str
    now: datetime
    remove_after: str
    """The schema version or the day after which contract may be applied."""
    band: str | None = None
    names: frozenset[str] = frozenset()
    """The unquoted names of the table and of its column, without the schema."""

    @property
    def flag(self) -> str:
        """The flag that contract waits for."""
        return f"contract-{slug_of(self.slug).replace('_', '-')}"[:63].strip("-")


def expansion_files(workspace: Workspace, phases: tuple[Phase, ...], expansion: Expansion) -> tuple[NewFile, ...]:
    """The files of all phases. Writes nothing. Raises UsageError in a layout of another tool."""
    if not workspace.policy.layout.is_own:
        what = f"`--expand` does not know the file names of {workspace.policy.layout.name}"
        hint = "write the migrations by hand: docs/expand_contract.md"
        raise UsageError(what, state="no file was written", hint=hint)
    files: list[NewFile] = []
    first: int | None = None
    for phase in phases:
        order = Order(
            f"{phase.kind} {expansion.slug}",
            expansion.author,
            expansion.now,
            _CHANGES.get(phase.kind, Change.FIX),
            expansion.band,
            _contract_before(workspace, expansion.names) if first is None else None,
        )
        up, down = new_migration(workspace, order)
        number = int(up.path.rpartition("/")[2].partition("_")[0])
        first = number if first is None else first
        text = _text(up.text, phase, expansion, first)
        files += _files(replace(up, text=text), down, phase)
        workspace = replace(workspace, migrations=(*workspace.migrations, _migration(number, up.path, text)))
    return tuple(files)


def _contract_before(workspace: Workspace, names: frozenset[str]) -> int | None:
    """The number of the last contract of the same column or table.

    A second expand waits until this contract is applied: two triggers do not keep three forms in step.
    """
    sql = {m.number: m.up.sql for m in workspace.migrations}
    pairs = ((m.number, contract_of(m)) for m in workspace.migrations)
    found = (n for n, pair in pairs if pair and names <= code_words(f"{sql.get(pair.expand, '')};{sql[n]}"))
    return max(found, default=None)


def _text(header: str, phase: Phase, expansion: Expansion, first: int) -> str:
    lines = [_field(line, phase, expansion) for line in header.rstrip("\n").split("\n")]
    if phase.kind is PhaseKind.CONTRACT:
        lines.append(f"-- Flag: {expansion.flag}")
    elif phase.deprecates and _NAMEABLE.fullmatch(phase.deprecates) and phase.deprecates.islower():
        lines.append(f"-- Deprecates: {phase.deprecates} (remove after {expansion.remove_after})")
    comments = list(phase.comments)
    if phase.kind is PhaseKind.CONTRACT:
        comments.append(f"-- ctgitops: contract {first:03} after {expansion.remove_after}")
    blocks = ["\n".join(lines), *(["\n".join(comments)] if comments else []), *_parts(phase)]
    return "\n\n".join(blocks) + "\n"


def _field(line: str, phase: Phase, expansion: Expansion) -> str:
    values = {
        "-- Description: ": f"{phase.does}: {expansion.sentence}",
        "-- Rollback: ": phase.rollback,
        "-- Impact: ": phase.impact,
    }
    start = next((start for start in values if line.startswith(start)), "")
    return f"{start}{values[start]}" if start else line


def _parts(phase: Phase) -> Iterator[str]:
    for part in PARTS:
        yield f"{part.heading}\n{phase.parts.get(part.number) or '-- Nothing.'}"


def _files(up: NewFile, down: NewFile, phase: Phase) -> Iterator[NewFile]:
    yield up
    if phase.down:
        yield replace(down, text=f"{down.text}{phase.down}\n")
    if phase.verify:
        yield NewFile(up.path.removesuffix(".sql") + ".verify.sql", f"{phase.verify}\n")


def _migration(number: int, path: str, text: str) -> Migration:
    script = Script(text, path)
    name = path.rpartition("/")[2].removesuffix(".sql")
    return Migration(number, name, script, script.checksum, header=parse_header(text, path)[0])

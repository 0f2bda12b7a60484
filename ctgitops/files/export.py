"""Writes the migrations of a workspace as the files of another tool, and reads them again in that tool's layout."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.environment.layout import Layout, LayoutName
from ..core.environment.policy import HeaderRule, Numbering, Policy
from ..core.plan.replay import steps_of_files
from ..errors import UsageError, WorkspaceError
from ..layouts.dbmate_sections import without_markers
from ..layouts.file_writers import FILE_WRITERS, FileWriter, Piece, with_semicolon
from ..layouts.registry import tool_of
from ..lazy import dataclass, regex
from ..sql.batch import is_batched
from ..sql.parse import SqlSyntaxError
from ..sql.script import Script
from .layout_reader import read_layout
from .repository import Repository
from .scaffold import NewFile, write_files

if TYPE_CHECKING:
    from ..core.migration.migration import Migration
    from ..core.workspace.workspace import Workspace

_RECORDS = regex(r"select\s+(?:ctgitops\s*\.\s*)?record_migration\s*\(", re.IGNORECASE)
_EMPTY = regex(r"^[ \t]*;[ \t]*\n?", re.MULTILINE)
_WORDS = regex(r"\W+")


@dataclass(frozen=True)
class ToolFiles:
    """The migrations of a workspace as another tool reads them."""

    migrations: Mapping[int, Migration]
    """Maps the number of each migration to the migration as the tool names and records it."""
    files: tuple[NewFile, ...] = ()
    """The files to write. Empty if the workspace already has the layout of the tool."""
    notes: tuple[str, ...] = ()
    """What the files of the tool do not contain, one sentence each."""


def files_for(workspace: Workspace, tool: LayoutName, folder: str) -> ToolFiles:
    """The files for another tool, in `folder` relative to the root. Writes only to a temporary folder.

    Raises WorkspaceError if the files of the tool cannot express a migration.
    """
    notes = (*_batches(workspace, tool), *_notes(workspace, FILE_WRITERS[tool], tool))
    if workspace.policy.layout.name is tool:
        return ToolFiles({each.number: each for each in workspace.migrations}, notes=notes)
    ordered = _in_order(workspace)
    pieces = tuple(_pieces(ordered, FILE_WRITERS[tool], workspace))
    texts = dict(FILE_WRITERS[tool].write(pieces))
    if tool is LayoutName.FLYWAY:
        stems = {Path(each.name).stem.removeprefix("R__"): each.script.sql for each in workspace.repeatable}
        texts |= {f"R__{stem}.sql": sql for stem, sql in stems.items()}
    files = tuple(NewFile(f"{folder}/{path}", text) for path, text in texts.items())
    return ToolFiles(_read_again(ordered, pieces, tool, files, folder), files, notes)


def write_new(root: Path, files: tuple[NewFile, ...]) -> tuple[str, ...]:
    """Writes the files that do not exist yet, and returns their paths.

    Raises UsageError if a file differs, or cannot be written.
    """
    hint = "give a new folder with `--into FOLDER`"
    try:
        for file in files:
            path = root / file.path
            if path.is_symlink() or (path.exists() and path.read_bytes() != file.text.encode()):
                raise UsageError(f"`{file.path}` exists and has another text", state="nothing was changed", hint=hint)
        return write_files(root, files)
    except OSError as error:
        what = f"`{error.filename}` cannot be written: {error.strerror}"
        raise UsageError(what, state="the database was not changed", hint=hint) from None


def _in_order(workspace: Workspace) -> tuple[Migration, ...]:
    """The migrations in the order in which an empty database gets them."""
    by_number = {each.number: each for each in workspace.migrations}
    return tuple(by_number[step.number] for step in steps_of_files(workspace) if step.number in by_number)


def _pieces(ordered: tuple[Migration, ...], writer: FileWriter, workspace: Workspace) -> Iterator[Piece]:
    """`ordered` with the numbers of the tool: the places in the order if the tool or the order requires this."""
    by_place = writer.contiguous or list(ordered) != list(workspace.migrations)
    longest = len(str(max((len(ordered), *(0 if by_place else each.number for each in ordered)))))
    for position, each in enumerate(ordered, 1):
        number = position if by_place else each.number
        down = each.down or each.up.passed_rollback
        header = each.header
        yield Piece(
            position,
            number,
            f"{number:0{max(3, longest)}}",
            _WORDS.sub("_", each.name.partition("_")[2]).strip("_") or "migration",
            _plain(each.up),
            _plain(down) if down and writer.rollbacks else None,
            outside=each.up.outside is not None,
            created=header.created if header else "2000-01-01",
            author=header.author if header else "",
        )


def _plain(script: Script) -> Script:
    """The script without its own BEGIN and COMMIT, markers of dbmate and calls of `record_migration`."""
    source = Script(without_markers(script.sent), script.path, script.first_line)
    parts, end = [], 0
    for statement in source.statements:
        between = source.sql[end : source.start_of(statement)]
        parts.append(_EMPTY.sub("", between.partition(";")[2] if end else between.lstrip("; \t\n")))
        if not _RECORDS.match(source.text_of(statement)):
            parts.append(with_semicolon(source.text_of(statement)))
        end = statement.end
    return Script("".join(parts).strip() + "\n", script.path)


def _read_again(
    ordered: tuple[Migration, ...], pieces: tuple[Piece, ...], tool: LayoutName, files: tuple[NewFile, ...], folder: str
) -> dict[int, Migration]:
    """Maps our numbers to the written migrations. Raises WorkspaceError if the tool would run other SQL."""
    policy = Policy(Numbering.INCREASING, HeaderRule.OPTIONAL, layout=Layout(tool, folder))
    with tempfile.TemporaryDirectory(prefix="ctgitops-") as made:
        write_files(Path(made), files)
        found = read_layout(Repository(Path(made)), policy)
    by_number = {each.number: each for each in found.migrations}
    result = {}
    for original, piece in zip(ordered, pieces, strict=True):
        number = piece.position if FILE_WRITERS[tool].contiguous else piece.number
        read = by_number.get(number - 1 if tool is LayoutName.DRIZZLE else number)
        problem = next((p for p in found.problems if p.blocks and p.place and piece.words in p.place.path), None)
        if read is None or problem or not _same(read, piece):
            what = f"{original.name} cannot be written as a file of {tool_of(tool).title}"
            why = problem.what if problem else "the tool would run other SQL"
            hint = "give this migration another text in a new migration, or export to another tool"
            raise WorkspaceError(f"{what}: {why}", place=original.up.place(0), state="nothing was changed", hint=hint)
        result[original.number] = read
    return result


def _same(read: Migration, piece: Piece) -> bool:
    try:
        ups = _texts(read.up) == _texts(piece.up)
        downs = _texts(read.down) == _texts(piece.down)
    except SqlSyntaxError:
        return False
    return ups and downs and (read.up.outside is not None) == piece.outside


def _texts(script: Script | None) -> list[str]:
    return [script.text_of(each) for each in script.statements] if script else []


def _notes(workspace: Workspace, writer: FileWriter, tool: LayoutName) -> Iterator[str]:
    title, own = tool_of(tool).title, workspace.policy.layout.name is tool
    if not own and not writer.rollbacks and (count := sum(m.has_rollback_sql for m in workspace.migrations)):
        yield f"{title} has no rollbacks: {count} are left out"
    if not own and not writer.outside:
        names = [m.name for m in workspace.migrations if m.up.outside]
        if names:
            yield f"{title} has no directive for a migration outside a transaction: {', '.join(names)}"
    if count := sum(m.verify is not None for m in workspace.migrations):
        yield f"{title} has no verify queries: {count} are left out"
    if workspace.repeatable and tool is not LayoutName.FLYWAY:
        yield f"{title} has no repeatable files: {len(workspace.repeatable)} are left out"
    elif workspace.repeatable:
        yield "Flyway runs each repeatable file once more, because its ledger has no row for it"
    if any((workspace.seeds or {}).values()):
        yield "seed files are left out"


def _batches(workspace: Workspace, tool: LayoutName) -> Iterator[str]:
    if names := [m.name for m in workspace.migrations if is_batched(m.up.sql)]:
        yield f"{tool_of(tool).title} cannot run batches, so its files with `LIMIT $1` fail: {', '.join(names)}"

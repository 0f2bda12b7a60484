"""The command `squash`. Makes one file for new databases from the first migrations, and proves that it is equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import __version__
from ..core.migration.squash import FOLDER, MOST_BYTES, Replaced, parse_squash, squash_text
from ..core.plan.replay import ReplayTarget, like, steps_of_files
from ..core.plan.step import squashed_step
from ..core.run.squash_proof import UNWRITTEN, KeptTable, differences, kept_tables, refuse_outside_schema, squashed_sql
from ..core.workspace.candidates import of_files
from ..errors import ApplyError, UsageError, WorkspaceError
from ..report.phrases import count
from .replaying.replay import differing

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..core.migration.selector import Selector
    from ..core.plan.plan import Step
    from ..core.schema.contents import Contents
    from ..core.schema.snapshot import Snapshot
    from ..core.workspace.workspace import Workspace
    from ..ports.shadow import Shadows


@dataclass(frozen=True)
class SquashTarget:
    """For which databases a squashed file is made."""

    environment: Environment | None = None
    """The environment whose manifest chooses the throw-away servers. None for the newest local server."""
    live: Snapshot | None = None
    """The schema of that environment's database, which the throw-away databases are like."""


@dataclass(frozen=True)
class SquashedFile:
    """A squashed file whose equality was proved, and the facts to show."""

    path: str
    text: str
    replaced: tuple[str, ...]
    proved: str
    defaulted: tuple[str, ...]
    """The columns whose values differ between two replays. Their defaults fill them."""
    unmatched: tuple[str, ...]


def squash(
    workspace: Workspace, last: Selector, target: SquashTarget, *, shadows: Shadows, tell: Callable[[str], None]
) -> SquashedFile:
    """Runs the migrations twice, writes what they leave as SQL, runs this SQL, and compares. Writes no file.

    Each run is in a new throw-away database. Raises WorkspaceError if the contents are not equal, or if a file cannot
    contain them, UsageError, and ApplyError if a migration fails.
    """
    if not workspace.policy.layout.is_own:
        layout = workspace.policy.layout.name
        what = f"squash supports only the layout `ctgitops`, and migrations/policy.yaml has `{layout}`"
        raise UsageError(what, hint="use the tool that writes these files")
    number = last.choose(of_files(workspace.migrations), "among the files").number
    steps = tuple(step for step in steps_of_files(workspace, number) if step.number >= 0)
    refuse_outside_schema(steps)
    return _Work(workspace, steps, target, shadows, tell).file()


@dataclass(frozen=True)
class _Work:
    workspace: Workspace
    steps: tuple[Step, ...]
    target: SquashTarget
    shadows: Shadows
    tell: Callable[[str], None]

    def file(self) -> SquashedFile:
        wanted, environment = like(self.target.live) if self.target.live else ReplayTarget(), self.target.environment
        self.tell(f"running {_reach(self.steps)} in a throw-away database")
        with self.shadows.like(replace(wanted, runs_as=_OTHER, database=_OTHER), environment) as first:
            first.apply(self.steps)
            other = first.contents()
        self.tell("running them again, and then the squashed file")
        with self.shadows.like(wanted, environment) as second:
            empty = second.contents()
            second.apply(self.steps)
            filled, unmatched, expected = second.contents(), second.unmatched, second.snapshot()
        tables = kept_tables(filled, other, self.steps)
        made = self._made(squashed_sql(empty, filled, tables), _proved(filled, expected, tables), tables)
        # Not beside the second run: a server that the manifest names allows one run at a time
        with self.shadows.like(wanted, environment) as third:
            try:
                third.apply((squashed_step(parse_squash(made.text, made.path), self.steps),))
            except ApplyError as error:
                what = f"the squashed file would not run in an empty database: {error.what}"
                raise WorkspaceError(what, state=UNWRITTEN, detail=error.statement, hint=_FEWER) from None
            schema, contents = third.snapshot(), third.contents()
        with self.shadows.replayed(wanted, self.steps, environment) as again:
            changes = differing(again, expected, schema)
        found = [f"the {each.object.kind} {each.object.name}" for each in changes]
        found += differences(filled, contents, tables)
        if found:
            what = f"the squashed file would not give the same database: {', '.join(found[:5])}"
            raise WorkspaceError(what, state=UNWRITTEN, hint=_FEWER, detail="\n".join(found))
        return replace(made, unmatched=unmatched)

    def _made(self, sql: str, proved: str, tables: tuple[KeptTable, ...]) -> SquashedFile:
        name = max(self.steps, key=lambda step: step.number).name
        replaced = tuple(Replaced(step.name, step.checksum) for step in self.steps)
        defaulted = tuple(f"{t.rows.name}.{column.name}" for t in tables for column in t.defaulted)
        remarks = [
            f"For databases without ledger entries, instead of {_reach(self.steps)}. Do not edit this file.",
            f"Written by ctgitops {__version__}: ctgitops squash --to {name.partition('_')[0]}",
            f"Proved: {proved}",
            *([f"Filled by their defaults: {', '.join(defaulted)}"] if defaulted else []),
        ]
        path = f"{self.workspace.policy.layout.prefix}{FOLDER}/{name}.sql"
        text = squash_text(name, replaced, remarks, sql)
        if len(text.encode()) > MOST_BYTES:
            what = f"the squashed file would have {len(text.encode()):,} bytes, but the limit is {MOST_BYTES:,}"
            raise WorkspaceError(what, state=UNWRITTEN, hint="squash fewer migrations: `ctgitops squash --to NNN`")
        return SquashedFile(path, text, tuple(each.name for each in replaced), proved, defaulted, ())


_OTHER = "ctgitops_other"
"""The role and the database of the first run. So rows that contain such a name differ from those of the second run."""
_FEWER = "squash only the migrations before the statement that causes this: `ctgitops squash --to NNN`"


def _reach(steps: tuple[Step, ...]) -> str:
    numbers = sorted(step.number for step in steps)
    return f"{count(len(steps), 'migration')} up to {numbers[-1]:03}"


def _proved(filled: Contents, expected: Snapshot, tables: tuple[KeptTable, ...]) -> str:
    rows = sum(len(table.rows.rows) for table in tables)
    return (
        f"PostgreSQL {filled.major}: schema {expected.fingerprint[:16]} with {count(len(expected.objects), 'object')}, "
        f"{count(rows, 'row')} in {count(len(tables), 'table')}, {count(len(filled.sequences), 'sequence')}"
    )

"""`ctgitops new --expand`: writes the migrations of a change in two phases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ..commands.replaying.table_definition import table_definition
from ..core.expand.change import GRAMMAR, parse_change
from ..core.expand.table_phases import phases_of
from ..core.migration.schema_version import SchemaVersion
from ..errors import UsageError
from ..files.expansion import Expansion, expansion_files
from ..files.scaffold import write_files
from .printing import print_page

if TYPE_CHECKING:
    from ..core.expand.definition import TableDefinition
    from ..wiring.wiring import Wiring

DAYS = 30
"""The default number of days from the day on which the files are written to the day of contract."""


def write_expansion(wiring: Wiring, sentence: str, options: tuple[str | None, str | None, str | None]) -> int:
    """Writes the files. `options` are the band, the environment and the time of contract on the command line."""
    band, name, remove_after = options
    if sentence == "help":
        print_page(GRAMMAR)
        return 0
    change = parse_change(sentence)
    after = _checked(remove_after) if remove_after else (wiring.today + timedelta(days=DAYS)).isoformat()
    names = frozenset(filter(None, (change.table, change.column)))
    expansion = Expansion(change.slug, change.text, wiring.origin.actor, wiring.now, after, band, names)
    environment = wiring.environment(name) if name else None
    definition = table_definition(
        change, wiring.workspace, environment, databases=wiring.databases, shadows=wiring.shadows
    )
    files = expansion_files(wiring.workspace, phases_of(definition), expansion)
    if existing := [file.path for file in files if (wiring.root / file.path).exists()]:
        raise UsageError(f"{existing[0]} exists", state="no file was written", hint="remove or rename this file")
    written = write_files(wiring.root, files)
    print_page("\n".join((*(f"wrote {path}" for path in written), *_notes(definition, expansion))))
    return 0


def _checked(text: str) -> str:
    if SchemaVersion.parse(text):
        return text
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        what = f"`--remove-after {text}` is not a schema version or a day"
        raise UsageError(what, state="no file was written", hint="write `1.8.0` or `2027-01-31`") from None


def _notes(definition: TableDefinition, expansion: Expansion) -> Iterator[str]:
    yield ""
    after = expansion.remove_after
    yield "contract waits until:"
    yield f"  the environment has version {after}" if SchemaVersion.parse(after) else f"  {after} has passed"
    yield f"  its manifest has the flag {expansion.flag}"
    yield "  no code uses the old name"
    if definition.dependents:
        yield ""
        yield "before contract, change what may still use the old column:"
        yield from (f"  {each}" for each in definition.dependents)
    grants = [each.name for each in definition.parts("grant") if each.name.startswith("column ")]
    if grants:
        yield ""
        yield "grants on single columns are not copied:"
        yield from (f"  {each}" for each in grants)
    if definition.change.renamed_to and not definition.has_invoker_views:
        yield ""
        yield "before PostgreSQL 15, the view with the old name reads the table with the rights of the view's owner"

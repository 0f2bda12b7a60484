"""Histories for tests of `history`: ledgers and schemas without a server, of any size."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ctgitops.core.environment.environment import Environment
from ctgitops.core.gate.gate import Unreadable
from ctgitops.core.gate.request import Origin
from ctgitops.core.ledger.ledger import Entry, Ledger, Mark
from ctgitops.core.schema.compare import Added, Change, compare
from ctgitops.core.schema.snapshot import SchemaObject, Snapshot
from ctgitops.core.view.drift import Drift
from ctgitops.core.view.run_history import History, lane_of
from ctgitops.core.view.schema_tree import SchemaTree
from ctgitops.report.history_html import history_html
from ctgitops.report.history_json import history_data
from ctgitops.sql.script import checksum_of
from tests.fakes import PRODUCTION, STAGING, receipt

START = datetime(2024, 11, 25, 9, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ORIGIN = Origin(repository_url="https://github.com/constructtrack/database", commit_sha="4be1c07d9a51" + "0" * 28)
DEVELOPMENT = Environment("development", "DEVELOPMENT_DATABASE_URL", path="environments/development.yaml")
PEOPLE = ("anna", "bruno", "chidi", "dana")
THINGS = (
    "project",
    "route",
    "splice",
    "form",
    "device",
    "photo",
    "site",
    "order",
    "invoice",
    "crew",
    "permit",
    "cable",
)
SCHEMAS = ("public", "network", "forms", "reporting")


def table_name(number: int) -> str:
    """The qualified name of a table, such as `network.route_17`."""
    suffix = f"_{number // len(THINGS)}" if number >= len(THINGS) else ""
    return f"{SCHEMAS[number % len(SCHEMAS)]}.{THINGS[number % len(THINGS)]}{suffix}"


def table(number: int) -> list[SchemaObject]:
    """A table with a key, some columns, and foreign keys to earlier tables."""
    name = table_name(number)
    columns = {"id": "bigint", "name": "text", "status": "text", "created_at": "timestamp with time zone"}
    columns |= {f"note_{at}": "text" for at in range(number % 5)}
    found = [SchemaObject("table", name, "", {"owner": "app"})]
    targets = sorted({(number * 7) // 11, number // 3} - {number}) if number else []
    for target in targets:
        column = f"{table_name(target).split('.')[1]}_id"
        columns[column] = "bigint"
        definition = f"FOREIGN KEY ({column}) REFERENCES {table_name(target)}(id)"
        found.append(SchemaObject("constraint", f"{name}.fk_{target}", name, {"definition": definition}))
    found.append(SchemaObject("constraint", f"{name}.pkey", name, {"definition": "PRIMARY KEY (id)"}))
    for column, kind in columns.items():
        more = {"not_null": "yes"} if column in {"id", "name"} else {}
        found.append(SchemaObject("column", f"{name}.{column}", name, {"type": kind, **more}))
    return found


def schema_changes(number: int, tables: int, had: dict[tuple[str, str], SchemaObject]) -> tuple[Change, ...]:
    """What migration `number` does to the schema, which is kept in `had`."""
    before = Snapshot.of(had.values())
    if number < tables:
        new = table(number)
    else:
        name = table_name((number * 13) % tables)
        column = SchemaObject("column", f"{name}.extra_{number}", name, {"type": "jsonb"})
        index = SchemaObject(
            "index", f"{name}_extra_{number}", name, {"definition": f"CREATE INDEX ON {name} (status)"}
        )
        new = [(column, replace(column, name=f"{name}.status", attributes={"type": "smallint"}), index)[number % 3]]
    had.update({each.key: each for each in new})
    if number > tables and number % 17 == 0:
        gone = next(key for key, each in had.items() if each.of and "note_" in each.name)
        had.pop(gone)
    return compare(before, Snapshot.of(had.values()))


def entry_of(number: int, at: datetime, mark: Mark = Mark.APPLIED, error: str | None = None) -> Entry:
    """An entry as a run of the Action writes it."""
    name = f"{number:03}_{'add' if number % 3 else 'change'}_{table_name(number).split('.')[1]}"
    alter = f"alter table {table_name(number)} add column if not exists extra_{number} jsonb;"
    sql = f"-- {name}\n\n{alter}\n" * (1 + number % 4)
    back = f"alter table {table_name(number)} drop column extra_{number};"
    return Entry(
        mark, name, number, f"1.{number}.0", checksum_of(sql), sql, back,
        at, at + timedelta(milliseconds=40 + number % 900), 40 + number % 900, error, PEOPLE[number % len(PEOPLE)],
        f"{number:040x}", 100 + number, f"https://github.com/constructtrack/database/actions/runs/{9000 + number}",
        f"{number:064x}", receipt().summary() if number % 2 else None, "0.2.0", "17.6",
    )  # fmt: skip


def ledger_of(migrations: int, *, days: float, late: float = 0, more: int = 0) -> Ledger:
    """A ledger of some migrations over two years, with failures and rollbacks; `more` adds failed attempts."""
    entries: list[Entry] = []
    for number in range(1, migrations + 1):
        at = START + timedelta(days=late + days * number / migrations)
        failure = 'column "extra" of relation "route" already exists'
        if number % 29 == 0:
            entries.append(entry_of(number, at - timedelta(hours=5), Mark.FAILED, failure))
        entries.append(entry_of(number, at))
        if number % 41 == 0:
            entries.append(replace(entry_of(number, at + timedelta(hours=2)), mark=Mark.ROLLED_BACK, plan="b" * 64))
            entries.append(entry_of(number, at + timedelta(hours=8)))
    last = START + timedelta(days=days)
    for extra in range(more):
        failed = entry_of(
            migrations, last + timedelta(minutes=extra), Mark.FAILED, "canceling statement due to lock timeout"
        )
        entries.append(failed)
    return Ledger().with_entries(*entries)


def history_of(migrations: int = 60, tables: int = 34, more: int = 0) -> History:
    """Three environments with the same migrations, production behind, and one environment that cannot be read."""
    tree = SchemaTree()
    ledgers = {
        "development": ledger_of(migrations, days=730, more=more),
        "staging": ledger_of(migrations - migrations // 20, days=715, late=4),
        "production": ledger_of(migrations - migrations // 8, days=690, late=11),
    }
    lanes = [lane_of(name, ledger, tree) for name, ledger in ledgers.items()]
    had: dict[tuple[str, str], SchemaObject] = {}
    for node in tree.nodes[1:]:
        node.changes = schema_changes(node.id - 1, tables, had)
    by_hand = SchemaObject(
        "index", "public.by_hand", table_name(4), {"definition": "CREATE INDEX by_hand ON site (name)"}
    )
    lanes[0] = replace(lanes[0], drift=Drift(DEVELOPMENT, (), migrations))
    lanes[1] = replace(lanes[1], drift=Drift(STAGING, (Added(by_hand),), migrations))
    lanes[2] = replace(lanes[2], drift=Drift(PRODUCTION, (), migrations))
    gone = Unreadable(
        "cannot reach the database of archive: connection refused", 4, "is ARCHIVE_DATABASE_URL still right?"
    )
    return History((*lanes, lane_of("archive", gone, tree)), tree)


def page_of(history: History) -> str:
    """The HTML page."""
    return history_html(history_data(history, ORIGIN, NOW, "0.2.0"))

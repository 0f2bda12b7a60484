"""Reads the schema of a throw-away database again and again. After the first time, reads only what changed.

A fingerprint of the catalogs, computed by the server, tells in which buckets rows changed. Then only the relations,
routines and types of these buckets are read, with all that depend on them: a definition contains the names of other
objects. After a change of a name or catalog that has no such list of dependents, reads the whole schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ...core.schema.snapshot import Key, SchemaObject, Snapshot
from ...errors import LedgerError
from ..catalog.schema_snapshot import in_transaction, read_units, snapshot_of, unreadable_as_error
from ..connection.connect import Address, Connection, connect, lost_as_error

if TYPE_CHECKING:
    from ...core.schema.schema_history import Changed

BUCKETS = 4096
REST = -1
"""The bucket of the catalogs that are read as a whole."""
_CLASSES = ("class", "constraint", "trigger", "rewrite", "policy", "statistic_ext", "type", "proc")
"""The catalogs, without `pg_`, whose rows belong to a relation, a routine or a type."""
_FROM = "from pg_{0} s"
_NOT_INITIAL = "from pg_{0} s where s.oid >= 16384"
_SMALL = {
    "namespace": "from pg_{0} s where s.nspname !~ '^pg_(toast_)?temp_'",
    **dict.fromkeys(("extension", "language", "tablespace", "event_trigger", "default_acl"), _FROM),
    **dict.fromkeys(("foreign_data_wrapper", "foreign_server", "publication", "publication_rel"), _FROM),
    **dict.fromkeys(("am", "cast", "collation", "operator", "opclass", "opfamily", "amop", "amproc"), _NOT_INITIAL),
    **dict.fromkeys(("ts_config", "ts_dict", "ts_parser", "ts_template"), _NOT_INITIAL),
}
_WITHOUT_OID = (
    "select -1, hashtextextended('role ' || r.rolname, r.oid::bigint) from pg_roles r",
    "select -1, hashtextextended(concat_ws(' ', 'user', m.srvname, m.usename), m.umid::bigint) from pg_user_mappings m",
    "select -1, hashtextextended(concat_ws(' ', 'map', m.xmin, m.maptokentype, m.mapseqno), m.mapcfg::bigint) "
    "from pg_ts_config_map m where m.mapcfg >= 16384",
)
_SINCE_15 = "select -1, hashtextextended('schema ' || n.xmin::text, n.oid::bigint) from pg_publication_namespace n"


Units = dict[int, tuple[SchemaObject, ...]]
"""The objects by the OID of their relation, routine or type. The key 0 has all others."""


@dataclass
class TrackedSchema:
    """What a tracker knows of a schema."""

    hashes: dict[int, int]
    """The fingerprint of the catalogs, by bucket."""
    units: Units

    def copy(self) -> TrackedSchema:
        """The same, for a database that is a copy of this one, with the same OIDs."""
        return TrackedSchema(dict(self.hashes), dict(self.units))


class SchemaTracker:
    """Follows the schema of the database of one connection."""

    def __init__(self, known: TrackedSchema | None = None) -> None:
        self.known = known or TrackedSchema({}, {})
        self.whole = 0
        """How often `changed` read the whole schema."""

    def start(self, connection: Connection) -> Snapshot:
        """Reads the whole schema."""
        hashes, rows = self._fingerprint(connection), read_units(connection)
        self.known = TrackedSchema(hashes, _by_unit(rows))
        return snapshot_of(connection, [each for _, each in rows])

    def changed(self, connection: Connection) -> dict[Key, SchemaObject | None]:
        """The objects that changed since the last call, by kind and name. None for an object that was removed."""
        hashes, earlier = self._fingerprint(connection), self.known.hashes
        dirty = {each for each in hashes.keys() | earlier.keys() if hashes.get(each) != earlier.get(each)}
        units = self._units(connection, dirty) if dirty and REST not in dirty else None
        before = self.known.units
        if not dirty:
            return {}
        if units is None:
            self.known = TrackedSchema(hashes, self._all(connection, before))
            return _differences(before, self.known.units)
        units |= {each for each in before if each % BUCKETS in dirty and each}
        now = _by_unit(read_units(connection, units))
        self.known = TrackedSchema(hashes, {unit: each for unit, each in before.items() if unit not in units} | now)
        return _differences({unit: before[unit] for unit in units if unit in before}, now)

    def _all(self, connection: Connection, before: Units) -> Units:
        self.whole += 1
        known = {each.key: each for objects in before.values() for each in objects}
        rows = read_units(connection)
        # An equal object that is known is kept, so that schemas share their objects
        return _by_unit([(unit, old if (old := known.get(each.key)) == each else each) for unit, each in rows])

    @staticmethod
    def _fingerprint(connection: Connection) -> dict[int, int]:
        text = _text("fingerprint", since_15=connection.info.server_version >= 150000)
        return {int(str(bucket)): int(str(value)) for bucket, value in _rows(connection, text)}

    @staticmethod
    def _units(connection: Connection, dirty: set[int]) -> set[int] | None:
        """The OIDs of the objects to read. None if the whole schema must be read."""
        text = _text("units").replace("{dirty}", f"'{{{','.join(map(str, dirty))}}}'::bigint[]")
        rows = _rows(connection, text)
        if any(kind != "unit" for kind, _ in rows):
            return None
        return {int(str(oid)) for _, oid in rows}


def _rows(connection: Connection, text: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(in_transaction(text))
        while not cursor.description:
            cursor.nextset()
        return cursor.fetchall()


def _by_unit(rows: list[tuple[int, SchemaObject]]) -> Units:
    units: dict[int, list[SchemaObject]] = {}
    for unit, each in rows:
        if each.kind != "about":
            units.setdefault(unit, []).append(each)
    return {unit: tuple(objects) for unit, objects in units.items()}


def _differences(before: Units, after: Units) -> dict[Key, SchemaObject | None]:
    old = {each.key: each for objects in before.values() for each in objects}
    new = {each.key: each for objects in after.values() for each in objects}
    changed: dict[Key, SchemaObject | None] = {key: None for key in old if key not in new}
    return changed | {key: each for key, each in new.items() if old.get(key) != each}


@cache
def _text(name: str, *, since_15: bool = False) -> str:
    text = (files("ctgitops") / "postgres" / "sql" / "changed" / f"{name}.sql").read_text(encoding="utf-8")
    small = [
        f"select -1, hashtextextended('{each} ' || s.xmin::text, s.oid::bigint) {source.format(each)}"
        for each, source in _SMALL.items()
    ]
    small += [*_WITHOUT_OID, *([_SINCE_15] if since_15 else [])]
    classes = ", ".join(f"'pg_{each}'::regclass" for each in _CLASSES)
    text = text.replace("{small}", "\n    union all\n    ".join(small))
    return text.replace("{buckets}", str(BUCKETS)).replace("{classes}", classes).strip().rstrip(";")


class SchemaReader:
    """Reads the schema as the migrations' role, because the superuser must not run functions of unreviewed SQL."""

    def __init__(self, address: Callable[[], Address], known: TrackedSchema | None = None) -> None:
        self._address = address
        self._tracker = SchemaTracker(known)
        self._connection: Connection | None = None

    @property
    def known(self) -> TrackedSchema:
        """What the last read returned."""
        return self._tracker.known

    def snapshot(self) -> Snapshot:
        """Reads the whole schema in a new session. Raises LedgerError."""
        self.close()
        try:
            with self._session() as connection:
                return self._tracker.start(connection)
        finally:
            self.close()

    def changed(self) -> Changed:
        """Reads what changed since the last read. Raises LedgerError."""
        lost = self._connection is not None
        while True:
            try:
                with self._session() as connection:
                    return self._tracker.changed(connection)
            except LedgerError:
                if not lost:
                    raise
                # A migration may end the sessions of its role, of which this is one
                lost = False
                self.close()

    def close(self) -> None:
        """Ends the session. A database with sessions cannot be renamed."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        address = self._address()
        if self._connection is None or self._connection.closed:
            self._connection = connect(address, "ctgitops/snapshot")
        with lost_as_error(address), unreadable_as_error(address):
            yield self._connection

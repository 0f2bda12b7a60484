"""Reads the schema of a database from the system catalogs, in one transaction and one round trip."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import cast

import psycopg

from ...core.schema.snapshot import SchemaObject, Snapshot, SnapshotSource
from ...errors import LedgerError
from ..connection.connect import Address, Connection, connected

PARTS = ("relations", "routines", "database")
"""The files in `sql/snapshot/`."""
KEY_COLUMNS = 4
"""The number of leading columns that identify an object (kind, name, table, unit). Other columns are attributes."""
_UNIT = re.compile(r"\{unit ([\w.]+)\}")
"""Matches the condition of a query that can read the objects of some OIDs only."""
_SETTINGS = {
    "search_path": "''",
    "quote_all_identifiers": "off",
    "TimeZone": "'UTC'",
    "DateStyle": "'ISO, MDY'",
    "IntervalStyle": "'postgres'",
    "bytea_output": "'hex'",
    "extra_float_digits": "1",
    "lc_monetary": "'C'",
    "statement_timeout": "0",
}
"""Fixed values for the settings that affect how PostgreSQL prints an expression."""
_BEGIN = "begin isolation level repeatable read read only; " + "; ".join(
    f"set local {name} = {value}" for name, value in _SETTINGS.items()
)
_OURS = "(n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'ctgitops'))"
_MEMBERS = (
    "select m.objid from pg_depend m where m.refclassid = 'pg_extension'::regclass "
    "and m.classid = '{0}'::regclass and m.deptype = 'e'"
)
_OPTIONS = (
    "(select string_agg(case when o ~* '^(password|passfile|passcode|sslpassword|sslkey|secret|token)[^=]*=' "
    "then split_part(o, '=', 1) || '=***' else o end, ', ' order by o) from unnest({0}) o)"
)
_PUBLICATION_SINCE_15 = {
    "{part of publication}": (
        "coalesce(' (' || (select string_agg(quote_ident(a.attname), ', ' order by a.attname) from pg_attribute a "
        "where a.attrelid = r.prrelid and a.attnum = any(r.prattrs)) || ')', '') "
        "|| coalesce(' where ' || pg_get_expr(r.prqual, r.prrelid), '')"
    ),
    "{schemas of publication}": (
        "(select string_agg(s.pnnspid::regnamespace::text, ', ' order by s.pnnspid::regnamespace::text) "
        "from pg_publication_namespace s where s.pnpubid = p.oid)"
    ),
}
_PUBLICATION_BEFORE = {"{part of publication}": "''", "{schemas of publication}": "null"}


def take_snapshot(address: Address, known_as: tuple[str, str] | None = None) -> Snapshot:
    """Reads the schema of the database at `address`. Read-only. Raises LedgerError.

    `known_as` has the old and the new name of a role. The result contains the new name, because a throw-away server may
    use another name for the role.
    """
    with connected(address, "ctgitops/snapshot") as connection, unreadable_as_error(address):
        return snapshot_of(connection, [each for _, each in read_units(connection)], known_as)


@contextmanager
def unreadable_as_error(address: Address) -> Iterator[None]:
    """Converts the refusal of a catalog query into a LedgerError."""
    try:
        yield
    except psycopg.ProgrammingError as error:
        said = address.hidden(error.diag.message_primary or str(error)).strip()
        what = f"cannot read the schema of {address.label}: {said}"
        raise LedgerError(
            what, state="nothing was changed", hint="use a role that can read the system catalogs"
        ) from None


def read_units(connection: Connection, only: Collection[int] | None = None) -> list[tuple[int, SchemaObject]]:
    """Pairs of the OID of a relation, routine or type (or 0) and an object of it. Read-only. One round trip.

    With `only`, reads only the objects of these OIDs.
    """
    texts = queries(since_15=connection.info.server_version >= 150000)
    if only is None:
        texts = tuple(_UNIT.sub("true", text) for text in texts)
    else:
        oids = f"'{{{','.join(map(str, only))}}}'::oid[]"
        texts = tuple(_UNIT.sub(rf"\1 = any({oids})", text) for text in texts if _UNIT.search(text))
    with connection.cursor() as cursor:
        cursor.execute(in_transaction(";\n".join(texts)))
        return _objects(cursor)


def in_transaction(text: str) -> bytes:
    """The message that runs queries in one transaction, with the settings of a snapshot."""
    return f"{_BEGIN};\n{text};\ncommit".encode()


def snapshot_of(
    connection: Connection, objects: list[SchemaObject], known_as: tuple[str, str] | None = None
) -> Snapshot:
    """The snapshot of all objects that a whole read returned."""
    version = str(connection.info.parameter_status("server_version")).split(" ", maxsplit=1)[0]
    if known_as:
        objects = _known_as(objects, *known_as)
    (about,) = (each for each in objects if each.kind == "about")
    return Snapshot.of(
        (each for each in objects if each is not about),
        SnapshotSource(
            version, about.name, about.attributes.get("search_path", ""), about.attributes.get("database", "")
        ),
    )


def _objects(cursor: psycopg.Cursor[tuple[object, ...]]) -> list[tuple[int, SchemaObject]]:
    objects: list[tuple[int, SchemaObject]] = []
    more: bool | None = True
    while more:
        if cursor.description:
            names = [column.name for column in cursor.description][KEY_COLUMNS:]
            objects += [_object(row, names) for row in cast("list[tuple[str | None, ...]]", cursor.fetchall())]
        more = cursor.nextset()
    return objects


def _object(row: tuple[str | None, ...], names: list[str]) -> tuple[int, SchemaObject]:
    kind, name, of = row[0] or "", row[1] or "", row[2] or ""
    attributes = {n: v for n, v in zip(names, row[KEY_COLUMNS:], strict=True) if v}
    return int(row[3] or 0), SchemaObject(kind, of + name if name[0] == "." else name, of, attributes)


def _known_as(objects: list[SchemaObject], role: str, other: str) -> list[SchemaObject]:
    """Renames `role` to `other` in the objects. Leaves out grants to `other`, the owner in the real database."""
    quoted = other if re.fullmatch("[a-z_][a-z0-9_$]*", other) else '"' + other.replace('"', '""') + '"'
    renamed = [
        SchemaObject(
            each.kind,
            each.name.replace(role, quoted),
            each.of,
            {
                name: value if name == "body" else value.replace(role, _name(name, other, quoted))
                for name, value in each.attributes.items()
            },
        )
        for each in objects
    ]
    return [each for each in renamed if not (each.kind == "grant" and each.name.endswith(f" to {quoted}"))]


def _name(attribute: str, name: str, quoted: str) -> str:
    """The new role name in the form that `attribute` uses: unquoted for an owner, otherwise quoted as in SQL."""
    return name if attribute == "owner" else quoted


@cache
def queries(*, since_15: bool) -> tuple[str, ...]:
    """All catalog queries."""
    folder = files("ctgitops") / "postgres" / "sql" / "snapshot"
    text = "\n".join((folder / f"{part}.sql").read_text(encoding="utf-8") for part in PARTS)
    for placeholder, expression in (_PUBLICATION_SINCE_15 if since_15 else _PUBLICATION_BEFORE).items():
        text = text.replace(placeholder, expression)
    text = re.sub(r"\{members of (\w+)\}", lambda match: _MEMBERS.format(match[1]), text)
    text = re.sub(r"\{options of ([\w.]+)\}", lambda match: _OPTIONS.format(match[1]), text)
    return tuple(text.replace("{ours}", _OURS).strip().removesuffix(";").split(";\n"))

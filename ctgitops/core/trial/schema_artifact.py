"""A schema artifact: a JSON file from which a copy of an environment can be made without access to its database.

It contains the schema, the roles and the list of applied migrations. It contains no rows. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ..ledger.ledger import Entry, Ledger, Mark
from ..schema.source_database import Locale, Membership, Role, SourceDatabase

if TYPE_CHECKING:
    from ..migration.migration import Migration

VERSION = 1
_NOT_IN_FILE = frozenset({"cluster", "connected_as"})
"""Fields that identify the server or the role that read it. A copy does not need them."""


@dataclass(frozen=True)
class TargetSchema:
    """What a copy of an environment needs to know of its database."""

    original: SourceDatabase
    ledger: Ledger
    statistics: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    """Maps tables and their columns to the null fraction and `n_distinct`. Only of tables in `rows` of the policy."""


def artifact_text(environment: str, target: TargetSchema) -> str:
    """The content of the artifact. The same database always gives the same text."""
    kept = {f.name: getattr(target.original, f.name) for f in fields(SourceDatabase) if f.name not in _NOT_IN_FILE}
    document = {
        "version": VERSION,
        "environment": environment,
        "database": {**kept, "roles": [asdict(role) for role in target.original.roles]},
        "applied": [
            {"number": e.number, "name": e.name, "version": e.version, "checksum": e.checksum}
            for e in target.ledger.in_order
        ],
        "seeds": target.ledger.seeded,
        "statistics": target.statistics,
    }
    return _text({**document, "digest": _digest(document)}) + "\n"


def target_from(text: str, name: str, environment: str, files: tuple[Migration, ...]) -> TargetSchema:
    """The database that an artifact describes. `name` is the artifact in messages. Raises UsageError.

    The SQL of an applied migration is that of its file, if the file has not changed since.
    """
    hint = f"`ctgitops schema --env {environment} --out {name}` writes the file again"
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise UsageError(f"{name} has the format {document['version']}, not {VERSION}", hint=hint)
        if document.pop("digest") != _digest(document):
            raise UsageError(f"{name} was changed after `ctgitops schema` wrote it", hint=hint)
        found, original, ledger = document["environment"], _database(document["database"]), _ledger(document, files)
        statistics = {
            t: {c: (float(n), float(d)) for c, (n, d) in of.items()} for t, of in document["statistics"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{name} is not a schema artifact: {error}", hint=hint) from None
    if found != environment:
        raise UsageError(f"{name} is the schema of {found}, not of {environment}", hint=hint)
    return TargetSchema(original, ledger, statistics)


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, default=_plain, indent=1, sort_keys=True, ensure_ascii=False)


def _digest(document: Mapping[str, Any]) -> str:
    """The SHA-256 of all other fields. A file that was edited or damaged could describe an impossible database."""
    return hashlib.sha256(_text(document).encode(errors="surrogatepass")).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return asdict(value) if isinstance(value, Locale) else dict(value)  # type: ignore[call-overload]


def _database(data: Mapping[str, Any]) -> SourceDatabase:
    """The description in an artifact. Lists become tuples, so that the result equals the original description."""
    kept = {f.name: _frozen(data[f.name]) for f in fields(SourceDatabase) if f.name in data}
    own = {
        "roles": tuple(map(_role, data["roles"])),
        "extensions": {str(name): str(version) for name, version in data["extensions"].items()},
        "locale": Locale(**data["locale"]),
        **{name: frozenset(data[name]) for name in ("databases", "tablespaces", "predefined", "settable", "withheld")},
    }
    return SourceDatabase(**{**kept, **own})


def _role(data: Mapping[str, Any]) -> Role:
    return Role(**{**data, "member_of": tuple(Membership(**each) for each in data["member_of"])})


def _frozen(value: object) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _ledger(document: Mapping[str, Any], files: tuple[Migration, ...]) -> Ledger:
    same = {(each.name, each.checksum): each.up.sql for each in files}
    applied = [
        Entry(Mark.APPLIED, str(e["name"]), int(e["number"]), e["version"], e["checksum"], same.get(_key(e)))
        for e in document["applied"]
    ]
    seeds = [Entry(Mark.APPLIED, str(name), checksum=str(sum_)) for name, sum_ in document["seeds"].items()]
    return Ledger().with_entries(*applied, *seeds)


def _key(entry: Mapping[str, Any]) -> tuple[Any, Any]:
    return entry["name"], entry["checksum"]

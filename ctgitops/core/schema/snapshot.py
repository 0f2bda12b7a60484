"""A schema in canonical form. Equal schemas have equal snapshots on every server, whatever SQL created them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property

from ...errors import UsageError
from ...untrusted_json import read_json

FORMAT = 1
"""The format version of a snapshot file."""
_SINCE_1 = ("server_version", "role", "search_path")
"""The keys in the first line of every snapshot file. Keys that newer versions added may be missing."""


Key = tuple[str, str]
"""The kind and the name of an object. Together they identify the object."""


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """One object of a schema, identified by its kind and its qualified name."""

    kind: str
    name: str
    of: str = ""
    """The name of the object's parent, such as a column's table. Empty for a top-level object."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """The object's properties, in PostgreSQL's terms. Leaves out properties that the object does not have."""

    @property
    def key(self) -> Key:
        """The object's kind and name."""
        return (self.kind, self.name)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class SnapshotSource:
    """Properties of the database from which a snapshot was taken."""

    server_version: str = ""
    """The server's version, such as `15.18`."""
    role: str = ""
    """The role that applies migrations. It is the owner of the ledger, or the current role if there is no ledger."""
    search_path: str = ""
    """The search path of `role`. Empty for the default."""
    database: str = ""
    """The name of the database. Empty if unknown, as in files of earlier releases."""

    @property
    def major(self) -> int:
        """The major version, such as 15 for 15.18. 0 if the version is unknown."""
        text = self.server_version.split(".", maxsplit=1)[0]
        return int(text) if text.isdecimal() else 0


@dataclass(frozen=True)
class Snapshot:
    """All objects of a schema in a fixed order. Leaves out objects of extensions and of ctgitops itself."""

    objects: tuple[SchemaObject, ...] = ()
    about: SnapshotSource = field(default_factory=SnapshotSource, compare=False)
    """The database of the snapshot. Not part of a comparison."""

    @classmethod
    def of(cls, objects: Iterable[SchemaObject], about: SnapshotSource | None = None) -> Snapshot:
        """A snapshot of `objects`. The objects may be in any order."""
        return cls(tuple(sorted(objects, key=lambda each: (each.kind, each.name))), about or SnapshotSource())

    @cached_property
    def by_key(self) -> dict[Key, SchemaObject]:
        """The objects by kind and name."""
        return {each.key: each for each in self.objects}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the objects. It is the same on every server. Not the fingerprint of a plan."""
        lines = (json.dumps(as_data(each), ensure_ascii=False, sort_keys=True) for each in self.objects)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def extensions(self) -> dict[str, str]:
        """Maps the name of each extension to its version."""
        return {each.name: each.attributes["version"] for each in self.objects if each.kind == "extension"}


def snapshot_text(snapshot: Snapshot) -> str:
    """The text of a snapshot file: JSON with one line per object. Any diff tool can compare two such files."""
    head = {"format": FORMAT, **asdict(snapshot.about), "fingerprint": snapshot.fingerprint}
    lines = [json.dumps(as_data(each), ensure_ascii=False) for each in snapshot.objects]
    opening = json.dumps(head, ensure_ascii=False)[:-1]
    return opening + ', "objects": [\n' + ",\n".join(lines) + "\n]}\n"


def snapshot_from(text: str, path: str) -> Snapshot:
    """Parses a snapshot file. Raises UsageError if the file is not a snapshot, or was edited."""
    try:
        data = read_json(text)
        found, objects = data["format"], data["objects"]
        about = SnapshotSource(
            **{each.name: str(data[each.name]) for each in fields(SnapshotSource) if each.name in {*_SINCE_1, *data}}
        )
        read = Snapshot.of((from_data(each) for each in objects), about)
        fingerprint = str(data["fingerprint"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(
            f"{path} is not a snapshot", hint="`ctgitops snapshot --env NAME --out FILE` writes a snapshot"
        ) from None
    if found != FORMAT:
        what = f"{path} is a snapshot of format {found}, but this ctgitops supports only format {FORMAT}"
        raise UsageError(what, hint="take a new one: `ctgitops snapshot --env NAME --out FILE`")
    if read.fingerprint != fingerprint:
        what = f"{path} was edited: the fingerprint in its first line does not match its objects"
        raise UsageError(what, hint="take a new one: `ctgitops snapshot --env NAME --out FILE`")
    return read


def as_data(each: SchemaObject) -> dict[str, object]:
    """An object as JSON data."""
    written: dict[str, object] = {"kind": each.kind, "name": each.name}
    if each.of:
        written["of"] = each.of
    written["attributes"] = dict(each.attributes)
    return written


def from_data(written: Mapping[str, object]) -> SchemaObject:
    """Converts data from `as_data` to an object. Raises KeyError or TypeError if the data is malformed."""
    attributes = written["attributes"]
    if not isinstance(attributes, dict):
        raise TypeError
    return SchemaObject(
        str(written["kind"]),
        str(written["name"]),
        str(written.get("of", "")),
        {str(k): str(v) for k, v in attributes.items()},
    )

"""The receipt of a backup: its contents, the proof that it was restored once, and how to restore it again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any, get_args, get_origin, get_type_hints

from ..untrusted_json import read_json

FORMAT = 1
DUMP = "dump"
"""The folder in a backup to which pg_dump writes."""
EXPORT = "export"
"""The folder in a backup that contains the exported tables."""
SHOWN = 10
"""The maximum number of tables that a sentence names."""


@dataclass(frozen=True)
class SavedFile:
    """One file of the dump."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class ExportedTable:
    """One exported table."""

    rows: int
    digest: str
    """The digest of the rows. The exported rows, loaded into a database, have the same digest."""
    files: tuple[str, ...]
    """Names below `export/`."""


@dataclass(frozen=True)
class Grant:
    """One privilege of one role on a schema."""

    grantee: str
    """The role's name. Empty for PUBLIC."""
    privilege: str
    grantable: bool = False


@dataclass(frozen=True)
class SchemaRights:
    """The owner of a schema, and the privileges of other roles on it."""

    owner: str
    """The owner's name. Empty for the owner that initdb sets."""
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True)
class Receipt:
    """The receipt of one backup. The receipt is written last, because a backup without a receipt does not count."""

    id: str
    """An ID such as `20261123T141502Z-production-1f2e3d4c`. IDs sort by time and name the environment."""
    environment: str
    database: str
    server_version: str
    client_version: str
    started_at: datetime
    finished_at: datetime
    location: str
    """The folder with `receipt.json` and `dump/`."""
    compression: str
    jobs: int
    rows: dict[str, int]
    """Maps each table, as `schema.name`, to its number of rows in the dumped snapshot."""
    files: dict[str, SavedFile]
    """Maps paths relative to `dump/` to the files of the dump."""
    schema_sha256: str
    """SHA-256 of the schema's inventory. The source and the restored database have the same value."""
    proof: str
    """The server that restored the backup, such as `PostgreSQL 18.6, a throw-away server on the run's machine`."""
    notes: tuple[str, ...] = ()
    """Remarks that do not make the backup incomplete, such as harmless messages of pg_restore."""
    left_out: tuple[str, ...] = ()
    """Objects that the dump leaves out, such as an INVALID index. One line each, with the reason."""
    public: SchemaRights | None = None
    """The rights on the schema `public`. None without such a schema, and in receipts of older versions."""
    contents: dict[str, str] = field(default_factory=dict)
    """Maps each critical table to a checksum of its rows. The restored database has the same checksums."""
    stored: dict[str, SavedFile] = field(default_factory=dict)
    """Maps names relative to `location` to the stored objects. Empty if the dump's files are stored unchanged."""
    stored_proof: str = ""
    """How the store's copy was compared with the dump. Empty in receipts of older versions."""
    ledger_id: str = ""
    """The ID of the database's ledger. Empty without a ledger, and in receipts of older versions."""
    locked_until: str = ""
    """The end of the lock that was requested from the store, as ISO 8601. Empty without `backup.store.object_lock`."""
    encrypted_to: tuple[str, ...] = ()
    """The public keys to which each object except the receipt is encrypted. Empty without encryption."""
    key_check: str = ""
    """A short text in base64, encrypted to the same keys. It shows before a download whether a private key fits."""
    extensions: tuple[str, ...] = ()
    """The database's extensions. Empty in receipts of older versions."""
    locale: dict[str, str] = field(default_factory=dict)
    """Encoding and locale of the database. Empty in receipts of older versions."""
    source_bytes: int = 0
    """The size of the dumped data on the source's disk, with indexes. 0 in receipts of older versions."""
    by: str = "pg_dump"
    """Who took the backup. A provider's receipt has no rows and no files, and ctgitops did not restore the backup."""
    restore_by: str = ""
    """How the provider restores the backup."""
    lsn: str = ""
    """The position of a provider's backup in the WAL (LSN). Empty if the position is unknown."""
    scope: str = "database"
    """Whose rows the backup has. `database`: all tables. `affected`: the tables in `rows`. `schema`: the ledger."""
    why_all: str = ""
    """Why the backup has the whole database although the manifest says `affected`. Otherwise empty."""
    without_rows: int = 0
    """The number of tables whose rows the backup does not contain."""
    without_definition: int = 0
    """Of the tables in `without_rows`, the number whose definitions the backup does not contain."""
    foreign_keys_left_out: dict[str, str] = field(default_factory=dict)
    """Maps OIDs to the foreign keys that are not restored. The backup lacks rows that these foreign keys reference."""
    exported: dict[str, ExportedTable] = field(default_factory=dict)
    """Maps the exported tables to their rows and files. Empty without `backup.export`."""
    exported_as: str = ""
    """The format of the exported files: `csv` or `parquet`."""
    exported_files: dict[str, SavedFile] = field(default_factory=dict)
    """Maps paths relative to `export/` to the exported files and their manifest."""
    vanishes: bool = False
    """Whether the backup is deleted with the machine after the run. Only stored in the ledger's copy of the receipt."""
    format: int = field(default=FORMAT)

    @property
    def bytes(self) -> int:
        """Size of the dump in bytes."""
        return sum(file.bytes for file in self.files.values())

    @property
    def saved_files(self) -> dict[str, SavedFile]:
        """Maps paths relative to the backup to the files of the dump and of the export."""
        return {f"{DUMP}/{name}": file for name, file in self.files.items()} | {
            f"{EXPORT}/{name}": file for name, file in self.exported_files.items()
        }

    @property
    def export_words(self) -> str:
        """The exported tables as text. Empty without an export."""
        if not self.exported:
            return ""
        number, rows = len(self.exported), sum(each.rows for each in self.exported.values())
        tables = f"{number} table{'' if number == 1 else 's'}"
        words = f"{tables} with {rows:,} row{'' if rows == 1 else 's'} exported as {self.exported_as}"
        return f"{words}; the files were loaded and compared with the rows"

    @property
    def extent(self) -> tuple[str, ...]:
        """What a partial backup has and lacks, in one sentence each. Empty for a backup of the whole database."""
        if self.scope == "database":
            return (f"the whole database, because {self.why_all}",) if self.why_all else ()
        shown = ", ".join([*self.rows][:SHOWN]) + (
            f" and {len(self.rows) - SHOWN} more" if len(self.rows) > SHOWN else ""
        )
        tables = f"{len(self.rows)} table{'' if len(self.rows) == 1 else 's'}"
        rows = f"the rows of {tables}: {shown}" if self.rows else "no rows"
        lacks = f"not in the backup: the rows of {self.without_rows} other tables, and large objects"
        keys = ", ".join(self.foreign_keys_left_out.values())
        unkept = (
            (f"a restore leaves out foreign keys whose referenced rows are not in the backup: {keys}",) if keys else ()
        )
        others = f" except of {self.without_definition} tables that the backup does not need"
        return (f"all definitions{others if self.without_definition else ''}, and {rows}", lacks, *unkept)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The remarks on pages: how the store's objects were compared with the dump, and the notes."""
        encrypted = f"; encrypted to {len(self.encrypted_to)} keys" if self.encrypted_to else ""
        stored = (self.stored_proof + encrypted,) if self.stored else ()
        return (*self.extent, *filter(None, (self.vanishing, self.export_words)), *stored, *self.notes)

    @property
    def vanishing(self) -> str:
        """The warning that the backup is deleted with the machine. Empty if the backup stays."""
        if not self.vanishes:
            return ""
        return "THIS BACKUP IS DELETED WITH THE RUNNER after the job: set `backup.to` to a bucket"

    @property
    def restore_with(self) -> str:
        """The command that restores the backup, or the provider's way to restore it."""
        return self.restore_by or f"ctgitops restore {self.receipt_at} --into URL"

    @property
    def receipt_at(self) -> str:
        """The path or URL of the receipt. Empty for a provider's backup, which has no receipt in a store."""
        return f"{self.location}/receipt.json" if self.by == "pg_dump" else ""

    def to_json(self) -> str:
        """The text of `receipt.json`."""
        return json.dumps(asdict(self), default=datetime.isoformat, indent=1, sort_keys=True) + "\n"

    def summary(self) -> str:
        """The part of the receipt that the ledger stores, as JSON: enough to find, check and restore the backup."""
        return json.dumps(
            {
                "id": self.id,
                "location": self.location,
                "finished_at": self.finished_at.isoformat(),
                "bytes": self.bytes,
                "tables": len(self.rows),
                "rows": sum(self.rows.values()),
                "schema_sha256": self.schema_sha256,
                "not_in_backup": list(self.left_out),
                "restore_with": self.restore_with,
                "scope": self.scope,
                "by": self.by,
                **({"vanishes": True} if self.vanishes else {}),
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """Parses `receipt.json`. Raises ValueError if `text` is not a receipt of this format."""
        data: Any = read_json(text)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(f"not a receipt of format {FORMAT}")
        if newer := sorted(data.keys() - {each.name for each in fields(cls)}):
            raise ValueError(f"a newer version of ctgitops wrote it, with `{newer[0]}`")
        try:
            for key in ("files", "stored", "exported_files"):
                data[key] = {name: SavedFile(**file) for name, file in data.get(key, {}).items()}
            data["exported"] = {
                table: ExportedTable(each["rows"], each["digest"], tuple(each["files"]))
                for table, each in data.get("exported", {}).items()
            }
            for key in ("started_at", "finished_at"):
                data[key] = datetime.fromisoformat(data[key])
                if data[key].tzinfo is None:
                    raise ValueError(f"`{key}` has no time zone")
            data["notes"] = tuple(data["notes"])
            for key in ("left_out", "encrypted_to", "extensions"):
                data[key] = tuple(data.get(key, ()))
            data["public"] = _rights(data.get("public"))
            receipt = cls(**data)
            _refuse_other_types(receipt)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"incomplete receipt: {error}") from error
        return receipt


def _refuse_other_types(receipt: Receipt) -> None:
    """Raises TypeError for a field whose value has another type, which another program may have written."""
    for name, hint in get_type_hints(Receipt).items():
        if not _fits(getattr(receipt, name), hint):
            raise TypeError(f"`{name}` has a value of another type")


def _fits(value: object, hint: Any) -> bool:
    """Whether the value has the type of a field, with all keys and items."""
    origin, of = get_origin(hint), get_args(hint)
    if origin is None:
        nested = get_type_hints(hint).items() if is_dataclass(hint) else ()
        return isinstance(value, hint) and all(_fits(getattr(value, name), each) for name, each in nested)
    if origin is dict:
        pairs = value.items() if isinstance(value, dict) else ()
        return isinstance(value, dict) and all(_fits(k, of[0]) and _fits(v, of[1]) for k, v in pairs)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, of[0]) for each in value)
    return any(_fits(value, each) for each in of)


def _rights(data: dict[str, Any] | None) -> SchemaRights | None:
    return SchemaRights(data["owner"], tuple(Grant(**each) for each in data["grants"])) if data else None

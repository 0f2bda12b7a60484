"""Exported tables: their columns, and the manifest that describes the files. PostgreSQL is not needed to read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..lazy import dataclass
from ..untrusted_json import read_json

_DECIMAL_DIGITS = 38
_PLAIN = {
    "bool": "bool",
    "int2": "int16",
    "int4": "int32",
    "int8": "int64",
    "oid": "int64",
    "float4": "float32",
    "float8": "float64",
    "date": "date32",
    "timestamp": "timestamp[us]",
    "timestamptz": "timestamp[us, UTC]",
    "bytea": "binary",
}
"""Maps each type of PostgreSQL to a Parquet type that can store all its values, except infinite times."""
DECIMAL = "decimal128"
TEXT = "text"
_TEXTS = ("text", "varchar", "bpchar", "char", "name", "uuid", "json", "jsonb", "xml")
TEMPORAL = ("date32", "timestamp[us]", "timestamp[us, UTC]")
CSV = {
    "encoding": "UTF-8",
    "compression": "gzip",
    "header": "the names of the columns",
    "null": "an empty field without quotes; an empty text is two quotes",
}
PARQUET = {"encoding": "UTF-8", "compression": "zstd", "null": "the null of Parquet"}
VALUES = {
    "time zone": "UTC",
    "dates": "ISO 8601; infinity and -infinity are words",
    "bytea": r"hexadecimal after \x; in a Parquet column of the type binary, the bytes",
    "bool": "t and f; in a Parquet column of the type bool, true and false",
    "other types": "PostgreSQL's text form, such as {1,NULL} for an array",
}


@dataclass(frozen=True)
class ExportColumn:
    """One column of an exported table."""

    name: str
    type: str
    """The type with its modifiers, as in CREATE TABLE: `numeric(12,2)`."""
    not_null: bool = False
    stored: str = TEXT
    """The column's type in the file."""
    note: str = ""
    """Why the column is stored as text although its type has a Parquet type."""


@dataclass(frozen=True)
class ExportedRows:
    """The number and the digest of a table's rows, counted in the snapshot that was dumped."""

    rows: int
    digest: str


@dataclass(frozen=True)
class ExportFile:
    """One file of an exported table."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ExportEntry:
    """One table in the manifest."""

    table: str
    """The table's name in the receipt."""
    schema: str
    name: str
    rows: int
    digest: str
    columns: tuple[ExportColumn, ...]
    files: tuple[ExportFile, ...]


def parquet_type(base: str, modifier: int) -> str:
    """The Parquet type for a base type of pg_catalog and its modifier. `text` if no Parquet type fits."""
    if base != "numeric":
        return _PLAIN.get(base, TEXT)
    digits, scale = (modifier - 4) >> 16 & 0xFFFF, ((modifier - 4) & 0x7FF ^ 1024) - 1024
    fits = modifier >= 4 and 0 <= scale <= digits <= _DECIMAL_DIGITS
    return f"{DECIMAL}({digits}, {scale})" if fits else TEXT


def is_text(base: str) -> bool:
    """Whether values of the type are text by nature. The manifest needs no note about such a column."""
    return base in _TEXTS


def manifest_text(about: Mapping[str, str], as_format: str, entries: Sequence[ExportEntry]) -> str:
    """The text of `manifest.json`. Contains no rows."""
    layout = CSV if as_format == "csv" else PARQUET
    data = {
        **about,
        "version": 1,
        "format": as_format,
        "layout": layout,
        "values": VALUES,
        "tables": [asdict(each) for each in entries],
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def manifest_entries(text: str) -> tuple[ExportEntry, ...]:
    """The tables of a manifest. Raises ValueError if `text` is not the manifest of an export."""
    data: Any = read_json(text)
    try:
        return tuple(
            ExportEntry(
                each["table"],
                each["schema"],
                each["name"],
                each["rows"],
                each["digest"],
                tuple(ExportColumn(**column) for column in each["columns"]),
                tuple(ExportFile(**file) for file in each["files"]),
            )
            for each in data["tables"]
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not the manifest of an export: {error}") from error

"""The values that tools record for a file in their ledgers, computed as each tool's source computes them. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterator

from ..core.migration.tool_record import ToolRecord
from .tool import Folder, Source

Recorder = Callable[[Source, bytes, Folder], ToolRecord | None]
"""Takes a migration, the bytes of its file, and its folder. Returns None if the tool cannot record the migration."""


def by_version(source: Source, _raw: bytes, _folder: Folder) -> ToolRecord:
    """A version with the digits of the file's name: dbmate, Diesel."""
    return ToolRecord(_version(source))


def _version(source: Source) -> str:
    """The digits in the name of a file. `Source.digits` may be longer, where a tool orders names as text."""
    found = re.match(r"[0-9]+(?=_)", source.up)
    return found[0] if found else source.digits


def by_number(source: Source, _raw: bytes, _folder: Folder) -> ToolRecord:
    """A version as an integer: golang-migrate, goose, tern."""
    return ToolRecord(str(source.number))


def supabase(source: Source, _raw: bytes, _folder: Folder) -> ToolRecord:
    """The version, and the rest of the name (`pkg/migration/file.go`)."""
    return ToolRecord(_version(source), values={"name": source.words})


def node_pg_migrate(source: Source, _raw: bytes, _folder: Folder) -> ToolRecord:
    """The name of the file without its ending (`src/migration.ts`)."""
    return ToolRecord(source.up.rpartition("/")[2].removesuffix(".sql"))


def prisma(source: Source, raw: bytes, _folder: Folder) -> ToolRecord:
    """The name of the folder, and a SHA-256 of `migration.sql` (`schema-connector/src/checksum.rs`)."""
    return ToolRecord(source.up.partition("/")[0], tuple(_digests(raw, "sha256")))


def sqlx(source: Source, raw: bytes, _folder: Folder) -> ToolRecord:
    """The version, the words of the name, and a SHA-384 of the file (`sqlx-core/src/migrate/migration.rs`)."""
    values = {"description": source.words.replace("_", " ")}
    return ToolRecord(str(source.number), tuple(_digests(raw, "sha384")), values)


def _digests(raw: bytes, algorithm: str) -> Iterator[str]:
    """The digest of a file, and of the same file with other line ends."""
    lf = raw.replace(b"\r\n", b"\n")
    for text in dict.fromkeys((raw, lf, lf.replace(b"\n", b"\r\n"))):
        yield hashlib.new(algorithm, text, usedforsecurity=False).hexdigest()


def flyway(source: Source, raw: bytes, _folder: Folder) -> ToolRecord:
    """The version, the description, the file's name, and a CRC-32 (`ChecksumCalculator.java`).

    The CRC-32 is over the lines without line ends. Flyway before 4.0 computed it over the whole file.
    """
    name = source.up.rpartition("/")[2]
    version, _, words = name.partition("__")
    values = {"description": words.removesuffix(".sql").replace("_", " "), "script": source.up}
    return ToolRecord(version[1:].replace("_", "."), (_signed(_crc_of_lines(raw)), _signed(zlib.crc32(raw))), values)


def _crc_of_lines(raw: bytes) -> int:
    crc = 0
    for line in re.split(rb"\r\n|\r|\n", raw.removeprefix(b"\xef\xbb\xbf")):
        crc = zlib.crc32(line, crc)
    return crc


def _signed(crc: int) -> str:
    return str(crc - (1 << 32) if crc >= 1 << 31 else crc)


_HASH = re.compile(r"^--! Hash: (\S+)$", re.MULTILINE)
_PREVIOUS = re.compile(r"^--! Previous: (\S+)$", re.MULTILINE)


def graphile_migrate(source: Source, raw: bytes, _folder: Folder) -> ToolRecord | None:
    """The hashes in the header of the file, and its name without the message (`src/migration.ts`)."""
    text = raw.decode(errors="replace").replace("\r\n", "\n")
    this, previous = _HASH.search(text), _PREVIOUS.search(text)
    if this is None or previous is None:
        return None
    values = {"previous": "" if previous[1] == "-" else previous[1]}
    return ToolRecord(f"{source.digits}.sql", (this[1],), values)


def drizzle(source: Source, raw: bytes, folder: Folder) -> ToolRecord | None:
    """The time in the journal, and a SHA-256 of the file (`drizzle-orm/src/migrator.ts`)."""
    try:
        entries = json.loads(folder.texts.get("meta/_journal.json", ""))["entries"]
        when = next(int(each["when"]) for each in entries if f"{each['tag']}.sql" == source.up)
    except (ValueError, KeyError, TypeError, StopIteration):
        return None
    return ToolRecord(str(when), (hashlib.sha256(raw).hexdigest(),))


def atlas(source: Source, _raw: bytes, folder: Folder) -> ToolRecord | None:
    """The version, the words of the name, and the file's hash in `atlas.sum` (`sql/migrate/migrate.go`)."""
    line = next(
        (each for each in folder.texts.get("atlas.sum", "").splitlines() if each.startswith(f"{source.up} ")), ""
    )
    hashed = line.partition("h1:")[2].strip()
    return ToolRecord(_version(source), (hashed,), {"description": source.words}) if hashed else None

"""Writes and reads CSV files that are compressed with gzip."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from .folder_store import CHUNK

BLOCK = 16 << 20
LEVEL = 4
"""The compression level of gzip. Level 6 takes twice as long, and makes the files only 5 % smaller."""


def write_csv(pieces: Iterable[bytes], folder: Path, stem: str) -> tuple[str, ...]:
    """Writes the header and the rows to one file. Returns the file's name. Raises OSError."""
    name = f"{stem}.csv.gz"
    with (
        (folder / name).open("xb") as file,
        gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packed,
        io.BufferedWriter(packed, CHUNK) as buffer,
    ):
        for piece in pieces:
            buffer.write(piece)
    return (name,)


def read_csv(paths: Iterable[Path]) -> Iterator[bytes]:
    """The rows of the files without the headers, in blocks of whole rows. Raises OSError."""
    for path in paths:
        blocks = _whole_rows(_unpacked(path))
        header = next(blocks, b"")
        yield header[_end_of_row(header, 0) :]
        yield from blocks


def _unpacked(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        while chunk := file.read(BLOCK):
            yield chunk


def _whole_rows(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Divides CSV text into blocks of whole rows. A line break between quotes is part of a value."""
    rest = b""
    for chunk in chunks:
        block = rest + chunk
        end = _end_of_last_row(block)
        if end:
            yield block[:end]
        rest = block[end:]
    if rest:
        yield rest


def _end_of_last_row(block: bytes) -> int:
    """The end of the last whole row in a block that begins with a row. 0 if no row is whole."""
    after = block.count(b'"') % 2  # whether the end of the block is between quotes
    end = len(block)
    while (found := block.rfind(b"\n", 0, end)) >= 0:
        after = (after + block.count(b'"', found, end)) % 2
        if not after:
            return found + 1
        end = found
    return 0


def _end_of_row(block: bytes, start: int) -> int:
    """The end of the row that begins at `start`."""
    end, quotes = start, 0
    while (found := block.find(b"\n", end)) >= 0:
        quotes += block.count(b'"', end, found)
        end = found + 1
        if quotes % 2 == 0:
            return end
    return len(block)

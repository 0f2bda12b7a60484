"""Writes and reads Parquet files. A large table has several files, because each file is built in memory."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from ..core.table_export import DECIMAL, TEXT, ExportColumn
from ..errors import BackupError
from .pg_dump import UNTOUCHED

FILE = 24 << 20
"""A new file begins when the rows in memory reach this size in bytes."""
BATCH = 2 << 20
PER_VALUE = 8
Row = tuple[str | None, ...]


def write_parquet(rows: Iterable[Row], columns: Sequence[ExportColumn], folder: Path, stem: str) -> tuple[str, ...]:
    """Writes the rows to files with numbers in their names. Returns the names. Raises OSError, BackupError."""
    from arro3.core import Table
    from arro3.io import write_parquet as write

    names: list[str] = []
    batches = _batches(iter(rows), columns)
    first = next(batches, None)
    schema = _schema(columns)
    while first is not None or not names:
        file, size = [], 0
        for batch, bytes_of_batch in chain([first] if first else [], batches):
            file.append(batch)
            size += bytes_of_batch
            if size >= FILE:
                break
        made = io.BytesIO()
        write(Table.from_batches(file, schema=schema), made, compression="zstd(3)")
        names.append(f"{stem}.{len(names):05}.parquet")
        with (folder / names[-1]).open("xb") as target:
            target.write(made.getbuffer())
        first = next(batches, None)
    return tuple(names)


def read_parquet(paths: Iterable[Path]) -> Iterator[bytes]:
    """The rows of the files as CSV, in blocks of whole rows. Raises BackupError if a file is not Parquet."""
    from arro3.io import read_parquet as read

    for path in paths:
        try:
            for batch in read(path, batch_size=8192):
                columns = [_texts(column) for column in batch.columns]
                yield b"".join(_csv_line(row) for row in zip(*columns, strict=True))
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # which is not an Exception
                raise
            raise BackupError(f"{path.name} is not a Parquet file", state=UNTOUCHED) from None


def _batches(rows: Iterator[Row], columns: Sequence[ExportColumn]) -> Iterator[tuple[Any, int]]:
    """Batches of rows for Arrow, each with its approximate size."""
    some: list[Row] = []
    size = 0
    for row in rows:
        some.append(row)
        size += sum(len(value) if value else 0 for value in row) + PER_VALUE * len(row)
        if size >= BATCH:
            yield _batch(some, columns), size
            some, size = [], 0
    if some:
        yield _batch(some, columns), size


def _batch(rows: list[Row], columns: Sequence[ExportColumn]) -> Any:
    from arro3.core import RecordBatch

    values = zip(*rows, strict=True)
    arrays = [_array(each, column) for each, column in zip(values, columns, strict=True)]
    return RecordBatch.from_arrays(arrays, schema=_schema(columns))


def _array(values: Row, column: ExportColumn) -> Any:
    from arro3.compute import cast
    from arro3.core import Array, DataType

    target = _arrow_type(column.stored)
    if column.stored == "binary":
        return Array([None if each is None else bytes.fromhex(each[2:]) for each in values], type=target)
    array = Array(list(values), type=DataType.utf8())
    if column.stored == TEXT:
        return array
    # A value that Arrow cannot convert becomes a null
    if (made := cast(array, target)).null_count != array.null_count:
        what = f"a value of the column {column.name} cannot be stored as {column.stored}"
        hint = "set `backup.export.format: csv` in the manifest, and report this bug"
        raise BackupError(what, state=UNTOUCHED, hint=hint)
    return made


def _schema(columns: Sequence[ExportColumn]) -> Any:
    from arro3.core import Field, Schema

    return Schema([Field(each.name, _arrow_type(each.stored), nullable=True) for each in columns])


def _arrow_type(stored: str) -> Any:
    from arro3.core import DataType

    if stored.startswith(DECIMAL):
        return DataType.decimal128(*map(int, re.findall(r"[0-9]+", stored)[1:]))
    types: dict[str, Callable[[], Any]] = {
        "bool": DataType.bool,
        "int16": DataType.int16,
        "int32": DataType.int32,
        "int64": DataType.int64,
        "float32": DataType.float32,
        "float64": DataType.float64,
        "date32": DataType.date32,
        "timestamp[us]": lambda: DataType.timestamp("us"),
        "timestamp[us, UTC]": lambda: DataType.timestamp("us", tz="UTC"),
        "binary": DataType.binary,
        TEXT: DataType.utf8,
    }
    return types[stored]()


def _texts(column: Any) -> list[str | None]:
    """The values of a column, as text that PostgreSQL can read."""
    from arro3.compute import cast
    from arro3.core import DataType

    if column.type == DataType.binary():
        return [None if each is None else f"\\x{each.hex()}" for each in column.to_pylist()]
    texts: list[str | None] = cast(column, DataType.utf8()).to_pylist()
    return texts


def _csv_line(row: tuple[str | None, ...]) -> bytes:
    fields = ("" if each is None else '"' + each.replace('"', '""') + '"' for each in row)
    return (",".join(fields) + "\n").encode()

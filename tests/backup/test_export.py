"""Exported tables are complete, readable without PostgreSQL, and compared with the rows."""

from __future__ import annotations

import csv
import errno
import gzip
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.backup import export
from ctgitops.backup.csv_export import read_csv, write_csv
from ctgitops.backup.export import file_stem
from ctgitops.core.environment.environment import BackupScope, ExportFormat, ExportPolicy
from ctgitops.core.receipt import Receipt
from ctgitops.core.table_export import ExportColumn, parquet_type
from ctgitops.errors import BackupError
from ctgitops.postgres.catalog.table_copy import TableName
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.session.database import PostgresDatabase
from tests.backup.scene import Scene
from tests.servers import run

TYPES = """
create type mood as enum ('sad', 'it''s "ok"'); create domain price as numeric(12, 3) check (value >= 0);
create domain cheap as price check (value < 100); create type pair as (a int, b text);
create table every (
    id bigint generated always as identity primary key, i2 smallint, i4 int, f4 real, f8 double precision,
    n numeric, n2 numeric(10, 2), n3 numeric(40, 2), c cheap, b bool, t text, v varchar(9), ch char(5), u uuid,
    d date, ts timestamp, tz timestamptz, tm time, iv interval, by bytea, j json, jb jsonb, ar int[], at text[],
    r int4range, m mood, p pair, x xml, ip inet, twice text generated always as (t || t) stored, "odd, ""name""
" text
);
insert into every (i2, i4, f4, f8, n, n2, n3, c, b, t, v, ch, u, d, ts, tz, tm, iv, by, j, jb, ar, at, r, m, p, x, ip,
    "odd, ""name""
") values
(-32768, 2147483647, 0.1, 1e300, 123456789012345678901234567890.123, 12345678.90, 1, 99.999, true,
 E'line\\nbreak "quoted", \\\\. 😀', 'v', 'c', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2026-02-28',
 '2026-02-28 23:59:59.999999', '2026-03-29 02:30:00+02', '24:00', '1 mon -3 days', '\\x00ff', '{"a": 1}', '{"a": null}',
 '{1,NULL}', '{"a,b",NULL,""}', '[1,5)', 'it''s "ok"', row(1, null), '<a/>', '::1', 'x'),
(null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
 null, null, null, null, null, null, null, null, null),
(0, 0, 'NaN', '-Infinity', 'Infinity', 0, 0, 0, false, '', '', '', null, '0001-01-02', '9999-12-29', '0001-01-02',
 '0:0', '0', '', 'null', '[]', '{}', '{}', 'empty', 'sad', row(null, ''), '', '1.2.3.4/8', '\\.');
"""
ODD = """
create table strange (n numeric(5, 2), d date, ts timestamp, tz timestamptz);
insert into strange values ('NaN', 'infinity', '-infinity', '4000-01-01 BC'), (1.5, '2020-01-01', null, now());
"""


def exporting(scene: Scene, *tables: str, of: str = "csv") -> Scene:
    scene.more = {"export": ExportPolicy(tables, ExportFormat(of))}
    return scene


def manifest(receipt: Receipt) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((Path(receipt.location) / "export" / "manifest.json").read_text())
    return data


@pytest.mark.slow
@pytest.mark.parametrize("of", ["csv", "parquet"])
def test_every_type_comes_back(scene: Scene, of: str) -> None:
    run(scene.url, TYPES + ODD)
    receipt = exporting(scene, "public.every", "public.strange", of=of).take()
    assert {name: each.rows for name, each in receipt.exported.items()} == {"public.every": 3, "public.strange": 2}
    assert receipt.exported_as == of
    assert set(receipt.exported_files) == {"manifest.json", *(f for e in receipt.exported.values() for f in e.files)}
    assert "2 tables with 5 rows exported" in " ".join(receipt.remarks)
    assert Receipt.from_json(receipt.to_json()) == receipt
    said = manifest(receipt)
    for table in said["tables"]:
        for file in table["files"]:
            saved = receipt.exported_files[file["name"]]
            assert (saved.bytes, saved.sha256) == (file["bytes"], file["sha256"])
    types = {each["name"]: each["type"] for each in said["tables"][0]["columns"]}
    assert (types["n2"], types["tz"], types["c"]) == ("numeric(10,2)", "timestamp with time zone", "public.cheap")


@pytest.mark.slow
def test_parquet_has_types_and_says_where_it_has_none(scene: Scene) -> None:
    from arro3.io import read_parquet

    run(scene.url, TYPES + ODD)
    receipt = exporting(scene, "public.every", "public.strange", of="parquet").take()
    every, strange = (each["columns"] for each in manifest(receipt)["tables"])
    stored = {each["name"]: each["stored"] for each in every}
    assert {name: stored[name] for name in ("id", "n", "n2", "n3", "c", "tz", "by", "ar", "b")} == {
        "id": "int64", "n": "text", "n2": "decimal128(10, 2)", "n3": "text", "c": "decimal128(12, 3)",
        "tz": "timestamp[us, UTC]", "by": "binary", "ar": "text", "b": "bool",
    }  # fmt: skip
    assert [each["stored"] for each in strange] == ["text"] * 4
    assert "does not have" in strange[0]["note"]
    [file] = receipt.exported["public.every"].files
    rows = [dict(zip(stored, row, strict=True)) for batch in read_parquet(Path(receipt.location) / "export" / file)
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)]  # fmt: skip
    assert [str(row["n2"]) for row in rows] == ["12345678.90", "None", "0.00"]
    assert rows[0]["tz"].isoformat() == "2026-03-29T00:30:00+00:00"
    assert (rows[0]["by"], rows[2]["by"], rows[1]["by"], rows[2]["t"], rows[1]["t"]) == (b"\0\xff", b"", None, "", None)


def test_a_csv_file_is_read_without_postgresql(quick: Scene) -> None:
    run(quick.url, """create table t (a int, "B b" text); insert into t values (1, e'x\\n"y"'), (2, ''), (3, null)""")
    receipt = exporting(quick, "public.t").take()
    with gzip.open(Path(receipt.location) / "export" / "public.t.csv.gz", "rt", newline="") as file:
        assert list(csv.reader(file)) == [["a", "B b"], ["1", 'x\n"y"'], ["2", ""], ["3", ""]]
    assert gzip.decompress((Path(receipt.location) / "export" / "public.t.csv.gz").read_bytes()).endswith(
        b'"2",""\n"3",\n'
    )


@pytest.mark.slow
@pytest.mark.parametrize("of", ["csv", "parquet"])
def test_odd_tables(quick: Scene, of: str) -> None:
    run(
        quick.url,
        """create table none (a int, b bytea); create table "Up/down" (a text); create table "up/Down" (a text);
        insert into "Up/down" values (''), (null), ('\\.'); create schema "a.b"; create table "a.b"."c ""d" (a int);
        create table parted (n int, at date) partition by range (n); create table p1 partition of parted default;
        insert into parted select generate_series(1, 100); create table kid () inherits ("up/Down");
        insert into kid values ('k')""",
    )
    names = ["public.none", 'public."Up/down"', "public.up/Down", '"a.b"."c ""d"', "public.parted"]
    receipt = exporting(quick, *names, of=of).take()
    assert {name: each.rows for name, each in receipt.exported.items()} == {
        "public.none": 0, "public.Up/down": 3, "public.up/Down": 1, '"a.b"."c "d"': 0, "public.parted": 100,
    }  # fmt: skip
    assert len({file.lower() for each in receipt.exported.values() for file in each.files}) == 5


WRONG = {
    "public.projets": "public.projets does not exist (did you mean public.projects?)",
    "public.seen": "public.seen is a view, which can hide rows",
    "public.summed": "public.summed is a materialized view",
    "public.counted": "public.counted is a sequence",
    "public.bare": "public.bare has no columns",
    "pg_catalog.pg_class": "pg_catalog.pg_class does not exist",
    "public.Projects": "public.Projects does not exist",
    "public.far": "public.far is a foreign table",
    "public.parted": "public.parted has a partition or inheriting table that is a foreign table",
}


def test_tables_that_cannot_be_exported_are_refused_before_the_dump(quick: Scene) -> None:
    run(
        quick.url,
        """create table projects (a int); create view seen as table projects; create sequence counted;
        create materialized view summed as table projects; create table bare (); create foreign data wrapper w;
        create server s foreign data wrapper w; create foreign table far (a int) server s;
        create table parted (a int) partition by list (a);
        create foreign table part partition of parted default server s
        """,
    )
    with pytest.raises(BackupError) as caught:
        exporting(quick, "public.projects", *WRONG).take()
    assert [why for why in WRONG.values() if why not in caught.value.what] == []
    told = PostgresDatabase(Address(quick.url, "")).not_exportable(("public.projects", *WRONG))
    assert len(told) == len(WRONG)
    assert all(each.startswith(why) for each, why in zip(told, WRONG.values(), strict=True))
    assert caught.value.state == "nothing was changed"
    assert not any("dump" in words for words in quick.said)
    assert quick.left == []


def test_row_level_security_is_an_error_and_hides_nothing(quick: Scene) -> None:
    reader = f"reader_{urlsplit(quick.url).path.strip('/')}"
    run(
        quick.url,
        f"""create table t (who text); insert into t values ('a'), ('b'); alter table t enable row level security;
        create policy mine on t using (who = 'a'); grant select on t to public; create role "{reader}" login""",
    )
    quick.url = quick.url.replace("postgres@", f"{reader}@")
    exporting(quick, "public.t").more["scope"] = BackupScope.SCHEMA  # the dump reads no rows
    with pytest.raises(BackupError, match="row-level security") as caught:
        quick.take()
    assert f'alter role "{reader}" bypassrls' in caught.value.hint
    assert quick.left == []
    assert not any("dump" in words for words in quick.said)


@pytest.mark.slow
def test_rows_that_the_file_lacks_are_found(quick: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    run(quick.url, "create table t as select n from generate_series(1, 9) n")

    def short(pieces: Iterable[bytes], folder: Path, stem: str) -> tuple[str, ...]:
        return write_csv(list(pieces)[:-1], folder, stem)

    monkeypatch.setattr(export, "write_csv", short)
    with pytest.raises(BackupError, match=r"export of public\.t: 9 rows in the database, 8 in the files"):
        exporting(quick, "public.t").take()
    assert quick.left == []


@pytest.mark.slow
def test_a_changed_value_is_found(quick: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    run(quick.url, "create table t as select n from generate_series(1, 9) n")

    def changed(pieces: Iterable[bytes], folder: Path, stem: str) -> tuple[str, ...]:
        return write_csv((each.replace(b'"7"', b'"8"') for each in pieces), folder, stem)

    monkeypatch.setattr(export, "write_csv", changed)
    with pytest.raises(BackupError, match=r"public\.t: same number of rows, but different contents"):
        exporting(quick, "public.t").take()


def test_a_file_stem_is_safe_and_different_for_different_tables() -> None:
    names = [TableName("public", "a"), TableName("Public", "a"), TableName("../x", "é" * 63), TableName("a.b", "c")]
    stems = [file_stem(each) for each in names]
    assert stems[0] == "public.a"
    assert len(set(stems)) == 4
    assert all(stem.isascii() and "/" not in stem and not stem.startswith(".") and len(stem) < 160 for stem in stems)


@given(st.lists(st.lists(st.text('ab"\n,\\', max_size=5), min_size=2, max_size=2), max_size=40), st.integers(1, 30))
def test_blocks_of_csv_are_whole_rows(rows: list[list[str]], size: int) -> None:
    from ctgitops.backup import csv_export

    def line(row: list[str]) -> bytes:
        return (",".join('"' + value.replace('"', '""') + '"' for value in row) + "\n").encode()

    lines = [line(row) for row in rows]
    whole = b"".join(lines)
    chunks: Iterator[bytes] = (whole[at : at + size] for at in range(0, len(whole), size))
    blocks = list(csv_export._whole_rows(chunks))
    assert b"".join(blocks) == whole
    ends = {sum(map(len, lines[: number + 1])) for number in range(len(lines))}
    at = 0
    for block in blocks:
        at += len(block)
        assert at in ends


@given(st.integers(1, 60), st.integers(-10, 60))
def test_only_a_numeric_that_fits_becomes_a_decimal(digits: int, scale: int) -> None:
    modifier = ((digits << 16) | (scale & 0x7FF)) + 4
    fits = 0 <= scale <= digits <= 38
    assert parquet_type("numeric", modifier) == (f"decimal128({digits}, {scale})" if fits else "text")
    assert parquet_type("numeric", -1) == "text"


def test_reading_skips_the_header(tmp_path: Path) -> None:
    [name] = write_csv([b'a,"b\n"""\n', b'"1",\n'], tmp_path, "t")
    assert b"".join(read_csv([tmp_path / name])) == b'"1",\n'


def test_a_large_table_has_several_files_of_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctgitops.backup import parquet_export

    monkeypatch.setattr(parquet_export, "FILE", 1000)
    monkeypatch.setattr(parquet_export, "BATCH", 100)
    rows = [(str(number), None if number % 3 else f'"{number}') for number in range(500)]
    columns = (ExportColumn("a", "integer", stored="int32"), ExportColumn("b", "text"))
    names = parquet_export.write_parquet(rows, columns, tmp_path, "t")
    assert names[:2] == ("t.00000.parquet", "t.00001.parquet")
    read = b"".join(parquet_export.read_parquet(tmp_path / name for name in names)).decode()
    assert [tuple(row) for row in csv.reader(read.splitlines())] == [(a, b or "") for a, b in rows]


def test_a_full_disk_during_the_export_leaves_nothing(quick: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    run(quick.url, "create table t as select n from generate_series(1, 9) n")

    def full(*_: object) -> tuple[str, ...]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(export, "write_csv", full)
    with pytest.raises(BackupError, match=r"cannot write the backup: No space left on device$") as caught:
        exporting(quick, "public.t").take()
    assert caught.value.state == "nothing was changed"
    assert quick.left == []

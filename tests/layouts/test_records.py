"""What tools record for a file, computed as they compute it."""

from __future__ import annotations

import zlib

import pytest

from ctgitops.core.environment.layout import LayoutName
from ctgitops.core.migration.tool_record import ToolRecord
from ctgitops.layouts.ledger_writers import WRITERS
from ctgitops.layouts.registry import all_tools, tool_of
from ctgitops.layouts.tool import Folder, Source

PLAN = "%syntax-version=1.0.0\n%project=x\n\n"


def record(layout: LayoutName, source: Source, raw: bytes, texts: dict[str, str] | None = None) -> ToolRecord | None:
    compute = tool_of(layout).record
    assert compute is not None
    return compute(source, raw, Folder("changes", (), texts or {}))


def test_every_tool_whose_records_are_known_can_be_kept_in_step() -> None:
    read = {"liquibase-sql"}  # a row needs the path of the file below Liquibase's search path, which is not known
    assert {tool.name for tool in all_tools() if tool.record} - read == {name.value for name in WRITERS}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_checksum_of_flyway_does_not_depend_on_line_ends_and_the_older_one_does(end: str) -> None:
    raw = f"\ufeffselect 'ü';{end}select 2;{end}".encode()
    found = record(LayoutName.FLYWAY, Source("1002", "a_b", "sub/V1_2__a_b.sql"), raw)
    assert found is not None
    assert found.key == "1.2"
    assert found.values == {"description": "a b", "script": "sub/V1_2__a_b.sql"}
    now, before = (int(each) % 2**32 for each in found.checksums)
    assert now == zlib.crc32("select 'ü';select 2;".encode())
    assert before == zlib.crc32(raw)


@pytest.mark.parametrize(("layout", "path"), [(LayoutName.SQLX, "1_x.sql"), (LayoutName.PRISMA, "1_x/migration.sql")])
def test_a_checksum_over_bytes_is_accepted_with_other_line_ends(layout: LayoutName, path: str) -> None:
    unix = record(layout, Source("1", "x", path), b"select 1;\n")
    windows = record(layout, Source("1", "x", path), b"select 1;\r\n")
    assert unix and windows
    assert unix.checksum != windows.checksum
    assert set(unix.checksums) == set(windows.checksums)


def test_a_change_of_sqitch_that_needs_another_project_cannot_be_recorded() -> None:
    line = "two {}2024-01-01T00:00:00Z A B <a@b.c> # Note"
    for needs, known in (("[one] ", True), ("[other:one] ", False), ("", True)):
        plan = f"{PLAN}one 2024-01-01T00:00:00Z A B <a@b.c>\n{line.format(needs)}\n"
        found = record(LayoutName.SQITCH, Source("002", "two", "deploy/two.sql"), b"", {"sqitch.plan": plan})
        assert (found is not None) is known


def test_a_file_of_drizzle_without_a_journal_cannot_be_recorded() -> None:
    assert record(LayoutName.DRIZZLE, Source("0000", "x", "0000_x/migration.sql"), b"select 1;") is None


def test_the_key_is_the_version_in_the_file_name_even_if_the_number_was_filled_up() -> None:
    """dbmate and Supabase CLI order versions as text. A short one gets nines for its number, not for its key."""
    for layout in (LayoutName.DBMATE, LayoutName.SUPABASE):
        kept = record(layout, Source("20240102999999", "b", "20240102_b.sql"), b"")
        assert kept and kept.key == "20240102", layout

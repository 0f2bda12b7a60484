"""The recovery point: what a server shows of its archive, the text, and how it is kept in the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ctgitops.core.ledger.safeguards import Safeguards
from ctgitops.core.recovery_point import Archive, ArchiveFacts, RecoveryPoint, archive_of, restore_point_name
from ctgitops.core.view.status import status_of
from ctgitops.core.view.way_back import BackupNote, way_back
from tests.fakes import NOW, POINT, STAGING, chained, entry, migration, receipt, workspace

LATER = NOW + timedelta(minutes=1)
OFF = ArchiveFacts("off", "replica")
ON = ArchiveFacts("on", "replica", command=True)


@pytest.mark.parametrize(
    ("facts", "archive", "why"),
    [
        (OFF, Archive.NONE, "`archive_mode` is off"),
        (replace(OFF, receivers=1), Archive.ARCHIVED, "1 WAL receiver is connected"),
        (replace(OFF, receivers=2), Archive.ARCHIVED, "2 WAL receivers are connected"),
        (replace(OFF, receivers=None), Archive.UNKNOWN, "this role cannot see"),
        (replace(OFF, managed="neon_superuser"), Archive.UNKNOWN, "its provider's backups are not visible"),
        (replace(OFF, mode=None), Archive.UNKNOWN, "cannot read `archive_mode`"),
        (ArchiveFacts("on", "minimal"), Archive.NONE, "`wal_level` is minimal"),
        (replace(ON, archived_at=NOW), Archive.ARCHIVED, "last archived at 2026-11-24 09:30:00"),
        (replace(ON, archived_at=LATER, failed_at=NOW), Archive.ARCHIVED, "last archived at 2026-11-24 09:31:00"),
        (replace(ON, archived_at=NOW, failed_at=LATER), Archive.FAILING, "failed at 2026-11-24 09:31:00"),
        (replace(ON, failed_at=NOW), Archive.FAILING, "has archived nothing since"),
        (replace(ON, command=False), Archive.NONE, "no `archive_command`"),
        (replace(ON, command=False, managed="rds_superuser"), Archive.UNKNOWN, "no archived WAL file yet"),
        (ON, Archive.UNKNOWN, "no archived WAL file yet"),
        (replace(ON, mode="always", archived_at=NOW), Archive.ARCHIVED, "last archived"),
    ],
)
def test_whether_there_is_an_archive(facts: ArchiveFacts, archive: Archive, why: str) -> None:
    found, said = archive_of(facts)
    assert found is archive
    assert why in said


def test_only_an_archive_that_was_seen_is_a_plain_promise() -> None:
    texts = {archive: replace(POINT, archive=archive, why="WHY").text for archive in Archive}
    assert texts.pop(Archive.ARCHIVED) == (
        "PITR to restore point `ctgitops 20261124T093000.000000Z 1a2b3c4d5e6f` "
        "(LSN `0/3000168`, `2026-11-24 09:30:00.000000+00`, timeline 1)"
    )
    assert all("WHY" in text for text in texts.values())
    assert texts[Archive.NONE].startswith("NO PITR: there is no archive")
    assert "is unknown" in texts[Archive.UNKNOWN]
    assert "requires that the archiver works again" in texts[Archive.FAILING]


def test_the_target_is_the_most_exact_one_that_exists() -> None:
    assert replace(POINT, name="").target.startswith("LSN `0/3000168` (`2026")
    assert replace(POINT, name="", lsn="", timeline=None).target == "`2026-11-24 09:30:00.000000+00`"


def test_a_name_of_a_restore_point_is_unique_and_not_too_long() -> None:
    names = {restore_point_name(NOW + timedelta(microseconds=n), "f" * 64) for n in range(3)}
    assert len(names) == 3
    assert max(map(len, names)) < 64


def test_the_ledger_keeps_backup_and_point_together() -> None:
    kept = Safeguards(receipt(), POINT).summary()
    assert kept is not None
    assert RecoveryPoint.of(kept) == POINT
    note = BackupNote.of(kept)
    assert note is not None
    assert note.id == receipt().id
    bare = RecoveryPoint(NOW, why="no")
    alone = Safeguards(point=bare).summary()
    assert RecoveryPoint.of(alone) == bare
    assert BackupNote.of(alone or "") is None
    assert Safeguards().summary() is None


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null", '{"id": "x"}', '{"recovery_point": {"at": "soon"}}'])
def test_what_is_no_point_is_none(text: str | None) -> None:
    assert RecoveryPoint.of(text) is None


def test_the_way_back_and_the_status_have_the_point_of_their_run() -> None:
    one, two = migration("001_one", "1.0.0"), migration("002_two", "1.1.0")
    older = replace(POINT, name="ctgitops older")
    first = replace(entry(one), receipt=Safeguards(point=older).summary())
    second = replace(entry(two), receipt=Safeguards(receipt(), POINT).summary())
    ledger = chained(first, second)
    way = way_back({"001_one"}, ledger)
    assert way is not None
    assert way.pitr == older.text
    assert status_of(workspace(one, two), STAGING, ledger).recovery_point == POINT
    assert status_of(workspace(one), STAGING, chained(entry(one))).recovery_point is None

"""Retention on real stores and databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ctgitops.backup.finished import FinishedBackups
from ctgitops.backup.folder_store import FolderStore
from ctgitops.core.backup.retention import Pruned
from ctgitops.core.environment.environment import BackupPolicy, Environment, KeepPolicy
from ctgitops.errors import CtgitopsError, UsageError
from ctgitops.postgres.connection.connect import Address, connect
from ctgitops.postgres.ledger.ledger import ensure_ledger
from ctgitops.postgres.lock.backup_lock import backup_lock
from tests.backup.scene import Scene
from tests.fakes import receipt
from tests.servers import run, session

NOW = datetime.now(UTC)
LAST = KeepPolicy(last=1)


def put(scene: Scene, days: float, environment: str = "staging", text: str | None = None) -> str:
    """A finished backup of so many days ago."""
    taken = NOW - timedelta(days=days)
    backup = f"{taken:%Y%m%dT%H%M%SZ}-{environment}-0123abcd"
    with FolderStore(scene.root / scene.to).begin(backup) as draft:
        (draft.folder / "dump").mkdir()
        (draft.folder / "dump" / "toc.dat").write_bytes(b"rows")
        made = replace(receipt(environment), id=backup, started_at=taken, finished_at=taken)
        draft.finish(made.to_json() if text is None else text)
    return backup


def prune(scene: Scene, *, dry_run: bool = False, keep: KeepPolicy | None = LAST) -> Pruned:
    policy = BackupPolicy(scene.to, keep=keep)
    environment = Environment("staging", "URL", backup=policy)
    return FinishedBackups(scene.backups).prune(environment, scene.tell, dry_run=dry_run)


def there(scene: Scene) -> list[str]:
    folder = scene.root / scene.to
    return sorted((path.name for path in folder.iterdir()), reverse=True) if folder.exists() else []


def refer(scene: Scene, backup: str) -> None:
    """The ledger says that a migration was applied after this backup."""
    with connect(Address(scene.url, ""), "test") as connection:
        ensure_ledger(connection, Address(scene.url, ""))
    text = json.dumps({"id": backup})
    run(
        scene.url,
        f"insert into ctgitops.ledger (mark, name, number, receipt) values ('applied', '001_one', 1, '{text}')",
    )


def test_old_backups_go_and_a_dry_run_says_which(scene: Scene) -> None:
    newest, *old = (put(scene, days) for days in (1, 2, 3))
    foreign = put(scene, 9, "production")
    shown = prune(scene, dry_run=True)
    assert [each.id for each in shown.goes] == old
    assert [each.stays for each in shown.stay] == ["it is the newest verified backup"]
    assert there(scene) == [newest, *old, foreign]
    assert prune(scene).goes == shown.goes
    assert there(scene) == [newest, foreign]


def test_the_backup_that_the_ledger_refers_to_stays(scene: Scene) -> None:
    newest, second, third = (put(scene, days) for days in (1, 2, 3))
    refer(scene, third)
    pruned = prune(scene)
    assert there(scene) == [newest, third]
    assert [each.id for each in pruned.goes] == [second]


def test_nothing_goes_if_the_ledger_cannot_be_read(scene: Scene) -> None:
    found = [put(scene, days) for days in (1, 2)]
    run(
        scene.url, "create schema ctgitops; create table ctgitops.format (version int); create table ctgitops.ledger ()"
    )
    with pytest.raises(CtgitopsError):
        prune(scene)
    scene.url = "postgresql://somebody@127.0.0.1:1/nowhere"
    with pytest.raises(CtgitopsError, match=r"connect|exist"):
        prune(scene)
    assert there(scene) == found


def test_what_has_no_valid_receipt_stays(scene: Scene) -> None:
    found = [put(scene, 1), put(scene, 2, text="not JSON"), put(scene, 3, text='{"format": 1}')]
    wrong = json.loads(receipt("staging").to_json())
    found.append(put(scene, 4, text=json.dumps(wrong | {"id": "other"})))
    found.append(put(scene, 5, text=json.dumps(wrong | {"started_at": "2026-01-01T00:00:00"})))
    found.append(put(scene, 6, text=json.dumps(wrong | {"rows": [1]})))
    (scene.root / scene.to / "notes.txt").write_text("mine")
    assert prune(scene).goes == ()
    assert there(scene) == ["notes.txt", *found]


def test_the_backup_of_a_run_in_progress_stays(scene: Scene) -> None:
    from ctgitops.postgres.lock.run_lock import RUN_LOCK

    now = (NOW - datetime.now(UTC)) / timedelta(days=1)
    newest, older = put(scene, now), put(scene, now + 2 / 86400)
    oldest = put(scene, 1)
    with session(scene.url) as holder:
        holder.execute(f"select pg_advisory_lock({RUN_LOCK})")
        pruned = prune(scene)
    assert there(scene) == sorted([newest, older], reverse=True)
    assert [each.id for each in pruned.goes] == [oldest]
    assert "has not ended" in pruned.stay[-1].stays
    prune(scene)
    assert len(there(scene)) == 1


def test_leftovers_go_unless_their_run_is_alive(scene: Scene) -> None:
    kept, alive, dead = put(scene, 1), put(scene, 2), put(scene, 3)
    for each in (alive, dead):
        (scene.root / scene.to / each / "receipt.json").unlink()
    with backup_lock(Address(scene.url, ""), alive):
        assert prune(scene, dry_run=True).leftovers[0].endswith(dead)
        assert there(scene) == [kept, alive, dead]
        prune(scene)
        assert there(scene) == [kept, alive]


def test_a_removal_that_is_refused_is_a_warning(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [put(scene, days) for days in (1, 2)]

    def refuse(_self: FolderStore, backup: str) -> None:
        raise PermissionError(13, "Permission denied", backup)

    monkeypatch.setattr(FolderStore, "delete", refuse)
    pruned = prune(scene)
    assert "Permission denied" in pruned.refused
    assert any("refuses to remove" in words for words in scene.said)
    assert there(scene) == found


def test_without_keep_nothing_is_ever_removed(scene: Scene) -> None:
    put(scene, 900)
    with pytest.raises(UsageError, match=r"no `backup.keep`"):
        prune(scene, keep=None)


def test_a_proved_backup_prunes(quick: Scene) -> None:
    old = [put(quick, days) for days in (2, 3)]
    quick.keep = KeepPolicy(last=2)
    taken = quick.take()
    assert there(quick) == [taken.id, old[0]]
    assert "1 old backup removed, 2 kept" in quick.said[-1]


def test_a_prune_that_fails_does_not_fail_the_backup(quick: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    old = put(quick, 2)
    quick.keep = KeepPolicy(last=1)

    def fail(_self: FolderStore, backup: str) -> None:
        raise OSError(5, "Input/output error", backup)

    monkeypatch.setattr(FolderStore, "delete", fail)
    taken = quick.take()
    assert there(quick) == [taken.id, old]
    assert quick.said[-1].startswith("old backups stay: ")


def test_a_clock_that_is_ahead_removes_nothing_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctgitops.postgres.session import retention_facts

    found = [put(scene, days) for days in (1, 2)]

    class Ahead(datetime):
        @classmethod
        def now(cls, _tz: object = None) -> datetime:  # type: ignore[override]
            return NOW + timedelta(days=3650)

    monkeypatch.setattr(retention_facts, "datetime", Ahead)
    assert prune(scene, keep=KeepPolicy(days=30)).goes == ()
    assert there(scene) == found


@pytest.mark.slow
def test_a_backup_that_a_restored_database_refers_to_stays(scene: Scene, make_database: Callable[[], str]) -> None:
    newest, second, third = (put(scene, days) for days in (1, 2, 3))
    copy = Scene(scene.root, make_database())
    refer(copy, third)
    other = Environment("review", "REVIEW_URL", backup=BackupPolicy(f"{scene.root / scene.to}/"))
    addresses = {"staging": scene.url, "review": copy.url}
    proved = replace(scene.backups, environments=lambda: (other,), address_of=lambda e: Address(addresses[e.name], ""))
    environment = Environment("staging", "URL", backup=BackupPolicy(scene.to, keep=LAST))
    pruned = FinishedBackups(proved).prune(environment, scene.tell, dry_run=False)
    assert [each.id for each in pruned.goes] == [second]
    assert there(scene) == [newest, third]
    assert "the newest applied entry of review refers to it" in [each.stays for each in pruned.stay]


def test_nothing_goes_if_the_ledger_of_another_environment_at_the_destination_cannot_be_read(scene: Scene) -> None:
    kept = [put(scene, days) for days in (1, 2)]

    def address_of(environment: Environment) -> Address:
        if environment.name == "production":
            raise UsageError("PRODUCTION_URL is not set")
        return Address(scene.url, "")

    own = Environment("staging", "URL", backup=BackupPolicy(scene.to, keep=LAST))
    other = Environment("production", "PRODUCTION_URL", backup=BackupPolicy(scene.to))
    backups = FinishedBackups(replace(scene.backups, environments=lambda: (own, other), address_of=address_of))
    with pytest.raises(CtgitopsError, match=r"same `backup\.to`.*PRODUCTION_URL is not set"):
        backups.prune(own, scene.tell, dry_run=False)
    assert there(scene) == kept
    elsewhere = replace(other, backup=BackupPolicy("other"))
    backups = FinishedBackups(replace(scene.backups, environments=lambda: (own, elsewhere), address_of=address_of))
    assert [each.id for each in backups.prune(own, scene.tell, dry_run=False).goes] == kept[1:]

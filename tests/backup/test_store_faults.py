"""Faults of a store: after each, the run ends with 7 and nothing changed, or the next run goes on."""

from __future__ import annotations

import os
import resource
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import pytest

from ctgitops.backup import bucket
from ctgitops.backup.finished import FinishedBackups
from ctgitops.core.environment.environment import BackupPolicy, Environment, KeepPolicy, StoreSettings
from ctgitops.core.receipt import Receipt
from ctgitops.errors import BackupError
from tests.backup.faulty_proxy import Answer, Fault, FaultyProxy, faulty_proxy, first
from tests.backup.scene import Scene
from tests.backup.seaweed import free_ports
from tests.backup.stores import KEY, PUBLIC
from tests.backup.test_s3 import objects, s3, url

__all__ = ["s3", "url"]
from tests.servers import fetch, run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("s3")]
ROWS = "create table t as select generate_series(1, 1000) as a, md5(random()::text) as b"


@pytest.fixture
def proxy(url: str) -> Iterator[FaultyProxy]:
    with faulty_proxy(url) as made:
        yield made


@pytest.fixture
def scene(s3: Scene, proxy: FaultyProxy) -> Scene:
    """A database, and a store that is reached through the proxy."""
    s3.settings = replace(s3.settings, endpoint=proxy.url)
    run(s3.url, ROWS)
    return s3


def environment(scene: Scene) -> Environment:
    policy = BackupPolicy(scene.to, verify_server="URL", store=scene.settings, keep=KeepPolicy(last=1))
    return Environment("staging", "URL", backup=policy)


def prune(scene: Scene) -> list[str]:
    done = FinishedBackups(scene.backups).prune(environment(scene), scene.tell, dry_run=False)
    return [each.id for each in done.goes]


def ids(scene: Scene) -> set[str]:
    return {name.split("/")[0] for name in objects(scene)}


def is_whole(scene: Scene, receipt: Receipt) -> None:
    FinishedBackups(scene.backups).verify(receipt.location, scene.tell)
    assert ids(scene) == {receipt.id}


@pytest.mark.parametrize(
    "fault",
    [Answer.error(503, "SlowDown"), Answer.error(500, "InternalError"), Fault.CUT_REQUEST, Fault.LOST_ANSWER],
    ids=["slow down", "internal error", "cut in a part", "lost answer"],
)
def test_a_put_that_fails_for_a_moment_is_repeated(scene: Scene, proxy: FaultyProxy, fault: Fault | Answer) -> None:
    proxy.decide = first(2, fault, method="PUT")
    receipt = scene.take()
    assert len([each for each in proxy.requests if each[0] == "PUT"]) >= 3 * (len(receipt.stored) + 1)
    is_whole(scene, receipt)


@pytest.mark.parametrize(
    ("method", "part"), [("GET", "list-type"), ("PUT", "begun"), ("PUT", "toc.dat"), ("PUT", "receipt.json")]
)
@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (Answer.error(403, "AccessDenied"), "give the credentials the right"),
        (Answer.error(403, "RequestTimeTooSkewed"), "correct the clock"),
        (Answer.error(404, "NoSuchBucket"), "create the bucket"),
    ],
    ids=["denied", "clock", "no bucket"],
)
def test_what_the_store_refuses_leaves_no_backup(  # noqa: PLR0917 - parameters of the cases
    scene: Scene, proxy: FaultyProxy, method: str, part: str, answer: Answer, hint: str
) -> None:
    if method == "GET" and hint.startswith("give"):
        pytest.skip("without the right to list, a backup is taken")
    proxy.decide = first(10_000, answer, method=method, part=part)
    with pytest.raises(BackupError) as caught:
        scene.take()
    assert hint in caught.value.hint
    assert caught.value.state == "nothing was changed"
    proxy.decide = first(0, answer)
    assert objects(scene) == {}
    is_whole(scene, scene.take())


def test_a_store_that_is_always_overloaded_ends_the_run(scene: Scene, proxy: FaultyProxy) -> None:
    proxy.decide = first(10_000, Answer.error(503, "SlowDown"))
    with pytest.raises(BackupError) as caught:
        scene.take()
    assert "again later" in caught.value.hint
    assert caught.value.state == "nothing was changed"


@pytest.mark.parametrize(("method", "part"), [("PUT", "toc.dat"), ("PUT", "receipt.json"), ("GET", "list-type")])
def test_a_store_that_does_not_answer_ends_the_run(
    scene: Scene, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch, method: str, part: str
) -> None:
    """Seen to fail: each request waited for 10 minutes, and each put three times."""
    for name, seconds in {"ANSWER": 1, "UPLOAD": 1, "RETRY": 2}.items():
        monkeypatch.setattr(bucket, name, timedelta(seconds=seconds))
    proxy.decide = first(10_000, Fault.SILENCE, method=method, part=part)
    began = time.monotonic()
    with pytest.raises(BackupError, match=r"cannot (put|list)") as caught:
        scene.take()
    assert time.monotonic() - began < 60
    assert caught.value.state == "nothing was changed"
    proxy.decide = first(0, Fault.SILENCE)
    assert objects(scene) == {}
    is_whole(scene, scene.take())


TAKE = """
import sys
from pathlib import Path
from ctgitops.core.environment.environment import StoreSettings
from tests.backup.scene import Scene
root, url, to, endpoint, public = sys.argv[1:]
settings = StoreSettings(endpoint=endpoint, region="us-east-1")
Scene(Path(root), url, to=to, settings=settings, verify_url=url, encrypt_to=(public,)).take()
"""


@pytest.mark.parametrize(
    ("sign", "method", "part"),
    [
        (signal.SIGTERM, "GET", "list-type"),
        (signal.SIGINT, "PUT", "begun"),
        (signal.SIGINT, "PUT", "dump"),
        (signal.SIGTERM, "PUT", "receipt"),
    ],
)
def test_a_signal_ends_a_run_whose_store_is_silent(
    scene: Scene, proxy: FaultyProxy, sign: signal.Signals, method: str, part: str
) -> None:
    """Seen to fail: the run ended only after the timeout of the request, which is up to 5 minutes."""
    silent = threading.Event()

    def decide(asked: str, path: str) -> Fault | None:
        if silent.is_set() or (asked == method and part in path):
            silent.set()
            return Fault.SILENCE
        return None

    proxy.decide = decide
    command = [sys.executable, "-c", TAKE, str(scene.root), scene.url, scene.to, proxy.url, PUBLIC]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert silent.wait(60)
        began = time.monotonic()
        process.send_signal(sign)
        said = process.communicate(timeout=60)[1]
    assert time.monotonic() - began < 40
    assert process.returncode in {1, 128 + sign}, said
    assert sign is signal.SIGTERM or "the run was interrupted during the backup" in said
    proxy.decide = first(0, Fault.SILENCE)
    is_whole(scene, scene.take())


def test_the_proxy_closes_the_connection_if_its_store_is_gone() -> None:
    """Seen to fail: it closed no connection, and the client waited for an answer that never came."""
    [port] = free_ports(1)
    with faulty_proxy(f"http://127.0.0.1:{port}") as proxy, pytest.raises((ConnectionError, HTTPException)):
        urlopen(f"{proxy.url}/object", timeout=20)  # noqa: S310 - the proxy


def test_a_download_that_is_cut_is_repeated_or_restores_nothing(
    scene: Scene, proxy: FaultyProxy, make_database: Callable[[], str]
) -> None:
    scene.encrypt_to, scene.key = (PUBLIC,), KEY
    receipt = scene.take()
    target = make_database()
    proxy.decide = first(10_000, Fault.CUT_ANSWER, method="GET", part="toc.dat")
    with pytest.raises(BackupError):
        scene.restore(receipt, target)
    assert fetch(target, "select from pg_class where relname = 't'") == []
    proxy.decide = first(0, Fault.CUT_ANSWER)
    scene.restore(receipt, target)
    assert fetch(target, "select count(*) from t") == [(1000,)]


def make_certificates(folder: Path) -> None:
    """An authority in `ca.pem`, and a certificate of it for 127.0.0.1 in `server.pem`."""
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    for command in (
        f"{new} -subj /CN=authority -keyout ca.key -out ca.pem",
        f"{new} -subj /CN=server -CA ca.pem -CAkey ca.key -keyout server.key -out server.pem"
        " -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:false",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)


def test_an_unknown_authority_is_refused_and_a_named_one_is_trusted(scene: Scene, url: str, tmp_path: Path) -> None:
    make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with faulty_proxy(url, context) as proxy:
        scene.settings = StoreSettings(endpoint=proxy.url, region="us-east-1")
        with pytest.raises(BackupError) as caught:
            scene.take()
        assert "its certificate is refused (UnknownIssuer)" in caught.value.what
        assert "backup.store.ca" in caught.value.hint
        no_certificate = tmp_path / "text"
        no_certificate.write_text("text")
        scene.settings = replace(scene.settings, ca=str(no_certificate))
        with pytest.raises(BackupError) as caught:
            scene.take()
        assert caught.value.hint == "correct `backup.store.ca`"
        scene.settings = replace(scene.settings, ca=str(tmp_path / "ca.pem"))
        named = scene.settings
        scene.settings = replace(named, endpoint=proxy.url.replace("127.0.0.1", "localhost"))
        with pytest.raises(BackupError) as caught:
            scene.take()
        assert "that the store's certificate names" in caught.value.hint, caught.value.what
        scene.settings = named
        receipt = scene.take()
        FinishedBackups(scene.backups).verify(receipt.location, scene.tell)


def test_a_removal_that_the_store_refuses_is_a_warning(scene: Scene, proxy: FaultyProxy) -> None:
    scene.keep = KeepPolicy(last=1)
    old = scene.take()
    proxy.decide = first(10_000, Answer.error(403, "AccessDenied"), method="POST")
    new = scene.take()
    assert ids(scene) == {old.id, new.id}
    assert any("the store refuses to remove them" in words for words in scene.said)
    prune(scene)
    assert ids(scene) == {old.id, new.id}
    proxy.decide = first(0, Fault.CUT_REQUEST)
    prune(scene)
    assert ids(scene) == {new.id}


@pytest.mark.parametrize("key", ["the object", "another"])
def test_a_removal_that_a_successful_answer_refuses_is_a_warning(scene: Scene, proxy: FaultyProxy, key: str) -> None:
    """S3 lists refused objects in an answer with status 200. Seen to fail for another key: obstore panicked."""
    scene.keep = KeepPolicy(last=1)
    old = scene.take()
    prefix = scene.to.removeprefix("s3://first/")
    named = f"{prefix}/{old.id}/receipt.json" if key == "the object" else "x"
    refused = f"<Error><Key>{named}</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    answer = Answer(200, f"<DeleteResult>{refused}</DeleteResult>".encode())
    proxy.decide = first(10_000, answer, method="POST")
    new = scene.take()
    assert ids(scene) == {old.id, new.id}
    assert any("old backups" in words for words in scene.said), scene.said
    proxy.decide = first(0, answer)
    prune(scene)
    assert ids(scene) == {new.id}


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (Answer(200, b"<html>log in</html>"), "the store's own address"),
        (Answer.error(301, "PermanentRedirect"), "backup.store.region"),
        (Answer.error(507, "InsufficientStorage"), "free space in the store"),
        (Answer.error(403, "QuotaExceeded"), "free space in the store"),
    ],
    ids=["another server", "another region", "full", "quota"],
)
def test_a_put_with_another_answer_leaves_no_backup(
    scene: Scene, proxy: FaultyProxy, answer: Answer, hint: str
) -> None:
    proxy.decide = first(10_000, answer, method="PUT", part="toc.dat")
    with pytest.raises(BackupError) as caught:
        scene.take()
    assert hint in caught.value.hint, caught.value.what
    assert caught.value.state == "nothing was changed"
    proxy.decide = first(0, answer)
    assert objects(scene) == {}


PRUNE = """
import sys
from pathlib import Path
from ctgitops.core.environment.environment import StoreSettings
from tests.backup.scene import Scene
from tests.backup.seaweed import free_ports
from tests.backup.test_store_faults import prune
root, url, to, endpoint = sys.argv[1:]
prune(Scene(Path(root), url, to=to, settings=StoreSettings(endpoint=endpoint, region="us-east-1")))
"""


@dataclass
class KillAt:
    """Kills a process at its n-th removal, before or after the store carries it out."""

    number: int
    after: bool
    pid: int = 0
    seen: int = 0

    def __call__(self, method: str, _path: str) -> Fault | None:
        if method != "POST":
            return None
        self.seen += 1
        if self.seen < self.number:
            return None
        os.kill(self.pid, signal.SIGKILL)
        return Fault.LOST_ANSWER if self.after else Fault.CUT_REQUEST


@pytest.mark.parametrize("after", [False, True])
def test_a_prune_that_is_killed_at_any_removal_is_finished_by_the_next(
    scene: Scene, proxy: FaultyProxy, *, after: bool
) -> None:
    taken = [scene.take() for _ in range(2)]
    newest = taken[-1]
    killed = 0
    while True:
        kill = KillAt(killed + 1, after)
        proxy.decide = kill
        command = [sys.executable, "-c", PRUNE, str(scene.root), scene.url, scene.to, proxy.url]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            kill.pid = process.pid
            process.communicate(timeout=120)
        proxy.decide = first(0, Fault.CUT_REQUEST)
        if process.returncode == 0:
            break
        killed += 1
        finished = FinishedBackups(scene.backups).stored(environment(scene))
        assert finished[-1].id == newest.id
        for each in finished:  # what still counts is whole
            FinishedBackups(scene.backups).verify(each.location, scene.tell)
    assert killed >= 1
    prune(scene)
    is_whole(scene, newest)


def test_two_prunes_and_a_backup_at_once(scene: Scene) -> None:
    for _ in range(2):
        scene.take()
    with ThreadPoolExecutor(3) as pool:
        prunes, taking = [pool.submit(prune, scene) for _ in range(2)], pool.submit(scene.take)
        receipt = taking.result()
        for each in prunes:
            each.result()
    prune(scene)
    is_whole(scene, receipt)


PAGES = 200


def test_foreign_objects_need_little_memory_and_are_not_listed(scene: Scene, proxy: FaultyProxy) -> None:
    receipt = scene.take()
    prefix = scene.to.removeprefix("s3://first/")
    pages, lock = [0], threading.Lock()

    def decide(method: str, path: str) -> Answer | None:
        if method != "GET" or "list-type" not in path or pages[0] == PAGES:
            return None
        with lock:
            pages[0] += 1
            page = pages[0]
        items = "".join(
            f"<Contents><Key>{prefix}/photo-{page:04}-{n:03}.jpg</Key><Size>1</Size><ETag>e</ETag>"
            "<LastModified>2026-11-30T00:00:00.000Z</LastModified></Contents>"
            for n in range(1000)
        )
        more = f"<NextContinuationToken>{page}</NextContinuationToken>" if page < PAGES else ""
        more += f"<IsTruncated>{str(page < PAGES).lower()}</IsTruncated>"
        return Answer(200, f"<ListBucketResult>{items}{more}</ListBucketResult>".encode())

    proxy.decide = decide
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    there = bucket.bucket_at(scene.to, scene.settings, scene.root)
    assert sum(1 for _ in there.list()) == PAGES * 1000
    pages[0] = 0
    assert FinishedBackups(scene.backups).stored(environment(scene)) == ()
    assert pages[0] < 5, "names are listed in order, so the first page says that no backup follows"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 20_000, f"{grown} kB; all entries together take 39 MB"
    proxy.decide = first(0, Fault.CUT_REQUEST)
    is_whole(scene, receipt)

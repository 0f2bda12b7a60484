"""The faults of a backup and of its store. Each starts a run, strikes, and returns how it and other runs ended."""

from __future__ import annotations

import os
import resource
import signal
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import obstore
import pyrage

from tests.backup.faulty_proxy import Answer, Fault, faulty_proxy
from tests.backup.test_store_faults import make_certificates
from tests.faults.backup_kills import REQUESTS, Strike, Struck, command, ended_by
from tests.faults.backup_scene import BackupScene, when
from tests.servers import fetch

EVER = 1_000_000


def answers(answer: Answer | Fault, method: str = "", *, how_often: tuple[int, ...] = (1, 3, EVER)) -> Strike:
    """From a random request on, for one or more requests or for ever."""

    def strike(scene: BackupScene) -> Struck:
        begin, often = scene.chance.randint(1, 5 if method else REQUESTS), scene.chance.choice(how_often)
        told = Struck(f"request {begin} {method}, {'ever' if often == EVER else often} times")
        seen, lock = [0], threading.Lock()

        def decide(asked: str, _path: str) -> Fault | Answer | None:
            if method not in {"", asked}:
                return None
            with lock:
                seen[0] += 1
                struck = begin <= seen[0] < begin + often
            told.struck = told.struck or struck
            return answer if struck else None

        assert scene.proxy
        scene.proxy.decide = decide
        told.done = [scene.run(*command(scene))]
        return told

    return strike


def ended_while_silent(scene: BackupScene) -> Struck:
    """From a random request on, the store does not answer, and then the run gets Ctrl-C or SIGTERM."""
    begin, sign = scene.chance.randint(1, REQUESTS), scene.chance.choice([signal.SIGINT, signal.SIGTERM])
    told = Struck(f"request {begin}, {sign.name}")
    seen, silent = [0], threading.Event()

    def decide(_method: str, _path: str) -> Fault | None:
        seen[0] += 1
        if seen[0] < begin:
            return None
        silent.set()
        return Fault.SILENCE

    assert scene.proxy
    scene.proxy.decide = decide
    watched = scene.start(*command(scene))
    told.struck = when(silent.is_set, watched)
    if told.struck:
        os.killpg(watched.running.process.pid, sign)
    began = time.monotonic()
    told.done = [scene.ended(watched)]
    assert time.monotonic() - began < 60, "it waited for the store"
    return told


def lists_nothing(scene: BackupScene) -> Struck:
    """The credentials may not list: a backup is taken, and leftovers stay for a run that may."""
    return _from_the_start(scene, Answer.error(403, "AccessDenied"), _lists)


def deletes_nothing(scene: BackupScene) -> Struck:
    """The credentials may not delete, as they should not."""
    return _from_the_start(scene, Answer.error(403, "AccessDenied"), lambda method, _: method in {"POST", "DELETE"})


def _lists(method: str, path: str) -> bool:
    return method == "GET" and "list-type" in path


def _from_the_start(scene: BackupScene, answer: Answer, hit: Callable[[str, str], bool]) -> Struck:
    assert scene.proxy
    scene.proxy.decide = lambda method, path: answer if hit(method, path) else None
    done = scene.run(*command(scene))
    assert done.status == 0, done.said
    return Struck("its start", struck=True, done=[done])


def unknown_authority(scene: BackupScene) -> Struck:
    """TLS with a certificate of an authority that this machine does not know."""
    with tempfile.TemporaryDirectory() as folder:
        make_certificates(Path(folder))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
        with faulty_proxy(scene.endpoint, context) as proxy:
            scene.manifest(endpoint=proxy.url)
            return Struck("its start", struck=True, done=[scene.run(*command(scene))], must_fail=True)


def tampered(how: str) -> Strike:
    """A stored object is changed, cut short or removed between its upload and the end of the proof."""

    def strike(scene: BackupScene) -> Struck:
        from_store = bool(scene.chance.randrange(2))
        if from_store:
            scene.manifest(more="verify: restore-from-store")
        told = Struck("the download" if from_store else "the comparison", must_fail=True)
        lock = threading.Lock()

        def decide(method: str, path: str) -> None:
            reads = method == "GET" and ("/dump/" in path if from_store else _lists(method, path))
            with lock:
                if reads and not told.struck and any("/dump/" in each for each in _unfinished(scene)):
                    tamper(scene, scene.chance.choice(_unfinished(scene)), how)
                    told.struck = True

        assert scene.proxy
        scene.proxy.decide = decide
        told.done = [scene.run(*command(scene))]
        return told

    return strike


def _unfinished(scene: BackupScene) -> list[str]:
    """The objects of files whose backup has no receipt yet."""
    stored = scene.stored()
    finished = {path.split("/")[0] for path in stored if path.endswith("/receipt.json")}
    return [path for path in stored if path.split("/")[0] not in finished and ("/dump/" in path or "/export/" in path)]


def tamper(scene: BackupScene, path: str, how: str) -> None:
    """Damages or removes one object of the store, past the proxy."""
    key = f"{scene.to.removeprefix(f's3://{scene.name}/')}/{path}"
    if how == "removed":
        obstore.delete(scene.client, key)
        return
    obstore.put(scene.client, key, damaged(bytes(obstore.get(scene.client, key).bytes()), how), use_multipart=False)


def damaged(content: bytes, how: str) -> bytes:
    """Other content, with the same length or shorter."""
    return content[:-1] + bytes([content[-1] ^ 1]) if how == "changed" else content[: len(content) // 2]


def tampered_in_a_folder(how: str) -> Strike:
    """A file of the dump is changed, cut short or removed while the run, which sleeps meanwhile, restores it."""

    def strike(scene: BackupScene) -> Struck:
        watched = scene.start(*command(scene))
        struck = watched.said("restoring the backup")
        if struck:
            os.kill(watched.running.process.pid, signal.SIGSTOP)
            try:
                file = scene.chance.choice(sorted(Path(scene.to).glob("*.partial/dump/*")))
                if how == "removed":
                    file.unlink()
                else:
                    file.write_bytes(damaged(file.read_bytes(), how))
            finally:
                os.kill(watched.running.process.pid, signal.SIGCONT)
        return Struck("the proof", struck, [scene.ended(watched)], must_fail=True)

    return strike


def wrong_identity(scene: BackupScene) -> Struck:
    """The key for the restore from the store fits none of the recipients."""
    scene.manifest(more="verify: restore-from-store")
    scene.environ["CTGITOPS_IDENTITY"] = str(pyrage.x25519.Identity.generate())
    return Struck("its start", struck=True, done=[scene.run(*command(scene))], must_fail=True)


def disk_full(scene: BackupScene) -> Struck:
    """No file that the run or its programs write may grow beyond a random size."""
    size = scene.chance.choice([1 << 10, 1 << 14, 1 << 18, 1 << 20]) + scene.chance.randrange(1 << 10)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = scene.ended(scene.start(*command(scene), preexec_fn=limit))
    return Struck(f"{size} bytes", done.status != 0, [done])


def three_at_once(scene: BackupScene) -> Struck:
    """Two backups and an apply at the same time."""
    watched = [scene.start("backup"), scene.start("apply"), scene.start("backup")]
    done = [scene.ended(each) for each in watched]
    assert done[0].status == done[2].status == 0, done[0].said + done[2].said
    return Struck("the same time", struck=True, done=done)


def slept_without_its_lock(scene: BackupScene) -> Struck:
    """The machine sleeps during the proof, its lock is lost, another run removes its files, and it wakes up."""
    watched = scene.start("backup")
    struck = watched.said("restoring the backup")
    done = []
    if struck:
        os.kill(watched.running.process.pid, signal.SIGSTOP)
        try:
            end = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database()"
            fetch(scene.url, f"{end} and application_name = 'ctgitops backup'")
            done.append(scene.run("backup"))
        finally:
            os.kill(watched.running.process.pid, signal.SIGCONT)
    done.append(scene.ended(watched))
    return Struck("the proof", struck, done)


ALWAYS: dict[str, Strike] = {
    "a backup gets kill -9": ended_by(signal.SIGKILL),
    "a backup gets SIGTERM": ended_by(signal.SIGTERM),
    "a backup gets Ctrl-C": ended_by(signal.SIGINT),
    "a backup has no disk space": disk_full,
    "two backups and an apply at once": three_at_once,
    "a backup sleeps and loses its lock": slept_without_its_lock,
}
OF_A_BUCKET: dict[str, Strike] = {
    "the store's connection is cut in a part": answers(Fault.CUT_REQUEST, "PUT"),
    "the store's answer is lost": answers(Fault.LOST_ANSWER),
    "the store's answer is cut": answers(Fault.CUT_ANSWER, "GET"),
    "the store is silent and the run is ended": ended_while_silent,
    "the store answers 503": answers(Answer.error(503, "SlowDown"), how_often=(1, 3, 6)),
    "the store refuses to put": answers(Answer.error(403, "AccessDenied"), "PUT"),
    "the store refuses to list": lists_nothing,
    "the store refuses to delete": deletes_nothing,
    "the store finds the clock askew": answers(Answer.error(403, "RequestTimeTooSkewed")),
    "the store's TLS authority is unknown": unknown_authority,
    "a stored object is changed": tampered("changed"),
    "a stored object is cut short": tampered("cut short"),
    "a stored object is removed": tampered("removed"),
    "the private key does not fit": wrong_identity,
}
OF_A_FOLDER: dict[str, Strike] = {
    "a file of the backup is changed": tampered_in_a_folder("changed"),
    "a file of the backup is cut short": tampered_in_a_folder("cut short"),
    "a file of the backup is removed": tampered_in_a_folder("removed"),
}

"""Runs of a backup that are killed at a step, at a request to the store, or at a random time."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.backup.faulty_proxy import Answer, Decide, Fault
from tests.faults.backup_scene import BackupScene, when
from tests.faults.scene import Watched
from tests.faults.test_children import working
from tests.stories.house import Run, marks

REQUESTS = 24
"""A backup of the scene asks its store about so often."""


@dataclass
class Struck:
    """What a fault did: its moment, whether it came before the end, how the runs ended, and how they must."""

    at: str
    struck: bool = False
    done: list[Run] = field(default_factory=list)
    must_fail: bool = False
    """Whether a run that was struck may not report success."""


Strike = Callable[[BackupScene], Struck]


def command(scene: BackupScene) -> tuple[str, ...]:
    """The run that is struck: it applies if there is something to apply, or only takes a backup and prunes."""
    applied = "001_one applied" in marks(scene.url)
    return ("backup",) if applied else scene.chance.choice([("apply",), ("backup",)])


Moment = Callable[[BackupScene, Watched], bool]
"""Waits for it; False where the run ended before."""


def _says(text: str) -> Moment:
    return lambda scene, watched: watched.said(text) and watched.waited(scene.chance.uniform(0, 0.2))


def _has_file(pattern: str) -> Moment:
    """When a run has written a file, which is in the store's folder or in the folder for temporary files."""

    def comes(scene: BackupScene, watched: Watched) -> bool:
        folders = [scene.temporary] if "://" in scene.to else [scene.temporary, Path(scene.to)]
        old = {path for folder in folders for path in folder.glob(pattern)}
        return when(lambda: {p for f in folders for p in f.glob(pattern)} - old, watched)

    return comes


def _dumps(scene: BackupScene, watched: Watched) -> bool:
    pid = watched.running.process.pid
    return when(lambda: working(pid, "pg_dump"), watched) and watched.waited(scene.chance.uniform(0, 0.1))


def _old_one_goes(scene: BackupScene, watched: Watched) -> bool:
    [old] = {path.split("/")[0] for path in scene.stored() if path.endswith("/receipt.json")}
    return when(lambda: not (Path(scene.to) / old / "receipt.json").exists(), watched)


STEPS: dict[str, Moment] = {
    "dump": _dumps,
    "export": _has_file("*/export/*"),
    "proof": _says("restoring the backup"),
    "after the proof": _says("restored in"),
}
STEPS_IN_A_FOLDER = {**STEPS, "receipt": _has_file("*/receipt.json"), "prune": _old_one_goes}
REQUESTS_OF_A_STEP = {
    "upload": ("PUT", "/dump/", 3),
    "upload of an export": ("PUT", "/export/", 1),
    "receipt": ("PUT", "/receipt.json", 1),
    "prune": ("POST", "delete", 2),
}
"""The method of the requests of a step, a part of their path, and their number. Files are encrypted between them."""


def killed_at(step: str) -> Strike:
    """kill -9 at a step of a backup."""

    def strike(scene: BackupScene) -> Struck:
        if scene.proxy and step in REQUESTS_OF_A_STEP:
            method, part, most = REQUESTS_OF_A_STEP[step]
            which = scene.chance.randint(1, most), method, part
            return _at_a_request(scene, signal.SIGKILL, which, after=_perhaps(scene))
        watched = scene.start("backup")
        struck = STEPS_IN_A_FOLDER[step](scene, watched)
        if struck:
            watched.running.kill()
        return Struck(step, struck, [scene.ended(watched)])

    return strike


def ended_by(sign: signal.Signals) -> Strike:
    """A signal at a random request, line or time."""

    def strike(scene: BackupScene) -> Struck:
        if scene.proxy and scene.chance.randrange(2):
            return _at_a_request(scene, sign, (scene.chance.randint(1, REQUESTS), "", ""), after=_perhaps(scene))
        watched = scene.start(*command(scene))
        seconds = scene.chance.uniform(0.2, 2)
        struck = watched.waited(seconds)
        if struck:
            _end(watched.running.process.pid, sign)
        return Struck(f"{seconds:.3f} s", struck, [scene.ended(watched)])

    return strike


def ended_at_receipt(sign: signal.Signals, *, after: bool) -> Strike:
    """A signal when the receipt is put, which the store carries out or not."""
    return lambda scene: _at_a_request(scene, sign, (1, "PUT", "/receipt.json"), after=after)


def _perhaps(scene: BackupScene) -> bool:
    return bool(scene.chance.randrange(2))


def _at_a_request(scene: BackupScene, sign: signal.Signals, which: tuple[int, str, str], *, after: bool) -> Struck:
    number, method, part = which
    told = Struck(f"request {number} {method} {part}, {'answer lost' if after else 'not carried out'}")
    started = threading.Event()
    pid = 0

    def then() -> Fault:
        started.wait(30)
        told.struck = True
        _end(pid, sign)
        return Fault.LOST_ANSWER if after else Fault.CUT_REQUEST

    assert scene.proxy
    scene.proxy.decide = _at(number, then, method, part)
    watched = scene.start(*(("backup",) if part else command(scene)))
    pid = watched.running.process.pid
    started.set()
    told.done = [scene.ended(watched)]
    return told


def _end(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if sign is signal.SIGINT:
            os.killpg(pid, sign)
        else:
            os.kill(pid, sign)


def _at(number: int, then: Callable[[], Fault | Answer | None], method: str = "", part: str = "") -> Decide:
    """`then` at the n-th matching request."""
    seen, lock = [0], threading.Lock()

    def decide(asked: str, path: str) -> Fault | Answer | None:
        if method not in {"", asked} or part not in path:
            return None
        with lock:
            seen[0] += 1
            due = seen[0] == number
        return then() if due else None

    return decide

"""A backup that is interrupted during the dump leaves no process and no partial files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.backup.scene import Scene
from tests.servers import fetch, run, session

pytestmark = pytest.mark.slow

TAKE = """
import sys
from pathlib import Path
from tests.backup.scene import Scene
Scene(Path(sys.argv[1]), sys.argv[2], verify_url=sys.argv[2]).take()
"""


def running(text: str) -> list[str]:
    listed = subprocess.run(["ps", "-ewwo", "stat=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if text in line and "pg_dump" in line and not line.startswith("Z")]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_while_dumping(scene: Scene, sign: signal.Signals) -> None:
    run(scene.url, "create table t as select generate_series(1, 10) as a")
    folder = scene.root / "backups"
    with session(scene.url) as holder:
        holder.execute("begin")
        holder.execute("lock table t in access exclusive mode")
        command = [sys.executable, "-c", TAKE, str(scene.root), scene.url]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
            try:
                until(lambda: bool(running(str(scene.root))) and waiting(scene.url) >= 2)
                assert list(folder.glob("*.partial"))
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            os.killpg(process.pid, sign)
            process.communicate(timeout=20)
        assert process.returncode != 0
        until(lambda: not running(str(scene.root)) and list(folder.iterdir()) == [])
        until(lambda: waiting(scene.url) == 0)
    assert leftovers(scene.root) == []


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if not path.is_dir()]


def waiting(url: str) -> int:
    return len(fetch(url, "select from pg_locks where not granted"))


def until(condition: object, seconds: float = 45) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)

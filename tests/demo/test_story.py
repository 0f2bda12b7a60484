"""The demo plays all its steps, creates the files that it announces, and leaves no server running however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ctgitops.core.receipt import Receipt

ACTS = (
    "== Before",
    "== 1. A pull request",
    "== 2. The merge",
    "== 3. The tag",
    "== 4. The rollback",
    "== 5. The status",
)


def demo(into: Path, servers: Path) -> subprocess.Popen[str]:
    """The demo in a session of its own; its servers' folders are made below `servers`."""
    command = [sys.executable, "-m", "ctgitops", "demo", "--into", str(into)]
    environ = {**os.environ, "TMPDIR": str(servers), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


@pytest.fixture
def servers() -> Path:
    """A short path, because a socket's path is limited, and as /tmp is: the server's account removes its own there."""
    folder = Path(f"/tmp/demo-{os.getpid()}-{time.monotonic_ns() % 10**8}")
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def running_in(folder: Path) -> list[str]:
    listed = subprocess.run(["ps", "-ewwo", "stat=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line and not line.startswith("Z")]


def assert_nothing_left(servers: Path) -> None:
    deadline = time.monotonic() + 15
    while left := [*running_in(servers), *map(str, servers.iterdir())]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    servers.rmdir()


@pytest.mark.slow
def test_the_whole_story(tmp_path: Path, servers: Path) -> None:
    into = tmp_path / "demo"
    with demo(into, servers) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    positions = [said.index(act) for act in ACTS]
    assert positions == sorted(positions)
    assert "production's schema is the same as before the tag" in said
    assert "300_inspection_forms" in (into / "comment.md").read_text()
    assert "### ✅ Applied to staging · production waits" in (into / "comment-merged.md").read_text()
    assert "### ✅ Applied to staging and production" in (into / "comment-released.md").read_text()
    assert {plan["environment"] for plan in json.loads((into / "plan.json").read_text())["plans"]} == {
        "staging",
        "production",
    }
    assert "rolled back" in (into / "status.txt").read_text()
    receipts = [Receipt.from_json(path.read_text()) for path in (into / "backups").glob("*/receipt.json")]
    assert len(receipts) == 2
    assert all(receipt.rows["public.projects"] > 0 for receipt in receipts)
    assert_nothing_left(servers)


def test_a_second_demo_replaces_the_first_but_nothing_of_somebody_else(tmp_path: Path, servers: Path) -> None:
    into = tmp_path / "mine"
    into.mkdir()
    (into / "repository").mkdir()
    (into / "thesis.txt").write_text("three years of work")
    with demo(into, servers) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "contains files that a demo did not create" in said
    assert (into / "thesis.txt").read_text() == "three years of work"
    assert_nothing_left(servers)


ENDINGS = [
    ("PostgreSQL", signal.SIGINT),
    ("PostgreSQL", signal.SIGKILL),
    ("== 2. The merge", signal.SIGTERM),
    ("backup: restoring", signal.SIGINT),
    ("backup: restoring", signal.SIGKILL),
    ("== 4. The rollback", signal.SIGTERM),
]


@pytest.mark.slow
@pytest.mark.parametrize(("act", "sign"), ENDINGS)
def test_interrupted_in_any_act_it_leaves_no_server(
    tmp_path: Path, servers: Path, act: str, sign: signal.Signals
) -> None:
    with demo(tmp_path / "demo", servers) as process:
        assert process.stdout
        heard = ""
        for line in process.stdout:
            heard += line
            if act in line:
                break
        os.killpg(process.pid, sign) if sign is signal.SIGINT else process.send_signal(sign)
        rest, _ = process.communicate(timeout=20)
    assert act in heard
    assert process.returncode != 0
    assert "Traceback" not in heard + rest
    assert_nothing_left(servers)

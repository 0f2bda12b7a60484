"""The Action's command `drill`: a whole run with a real backup, as the shipped workflow starts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.github.test_runner import outputs
from tests.test_action_forge import Scene, push, scene

__all__ = ["scene"]
pytestmark = pytest.mark.slow


def drill(scene: Scene) -> int:
    return scene.run("schedule", {"schedule": "23 4 * * 0"}, command="drill")


def said(scene: Scene) -> str:
    return outputs((scene.files / "output").read_text())["drill"]


def test_a_drill_passes_fails_and_says_that_there_is_nothing_to_do(scene: Scene) -> None:
    assert drill(scene) == 0
    assert "no environment has `backup`" in scene.summary
    assert said(scene) == "none"

    url = scene.house.secrets["STAGING_DATABASE_URL"]
    scene.house.environment(
        "staging", url, "apply: {on: push}\nbackup: {to: backups, verify_server: '${STAGING_DATABASE_URL}'}\n"
    )
    assert drill(scene) == 7
    assert "staging has no backup in backups" in scene.summary
    assert said(scene) == "failed"

    (failed,) = scene.forge.issues["environment-staging"]
    assert (failed.title, failed.open) == ("staging: failed drill", True)
    assert "database: unchanged, because a drill only reads the backup" in failed.body
    assert "has no backup" in failed.body

    assert scene.run("push", push()) == 0
    assert drill(scene) == 0
    assert not scene.forge.issues["environment-staging"][-1].open
    assert "its newest backup was restored in" in scene.summary
    assert said(scene) == "passed"

    [backup] = Path(scene.house.root, "backups").iterdir()
    (backup / "dump" / "toc.dat").write_bytes(b"")
    assert drill(scene) == 7
    assert "the drill failed" in scene.summary

"""Fixtures for backup tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backup.scene import Scene


@pytest.fixture
def scene(tmp_path: Path, database_url: str) -> Scene:
    """An empty database, proved beside us."""
    return Scene(tmp_path, database_url)


@pytest.fixture
def quick(scene: Scene) -> Scene:
    """The same, proved in a throw-away database on the tests' server, which starts no other."""
    scene.verify_url = scene.url
    return scene

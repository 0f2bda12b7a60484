"""Fixtures: a repository whose environment is the test's database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stories.house import House


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> House:
    made = House(tmp_path / "repository")
    made.policy("header: optional\n")
    made.environment("staging", database_url)
    return made

"""Fixtures: the test GitHub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .live import Live, access_for_tests


@pytest.fixture
def live() -> Iterator[Live]:
    made = Live(access_for_tests())
    yield made
    for forge in made.forges:
        forge.close()
    assert made.violations() == []

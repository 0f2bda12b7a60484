"""`pytest --accept` overwrites the golden files in `tests/golden/`; review the diff before you commit it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a page with the file of that name."""

    def compare(name: str, page: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--accept", default=False):
            path.parent.mkdir(exist_ok=True)
            path.write_text(page, "utf-8")
        assert path.is_file(), f"no tests/golden/{name}; `pytest tests/report --accept` writes it"
        assert page == path.read_text("utf-8")

    return compare

"""Each known pitfall of a run has a test named after it, `test_pNN_…`, somewhere in tests/."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
PITFALLS = frozenset({*range(1, 27), 36, 48})


def covered() -> frozenset[int]:
    """The numbers in the names of tests."""
    found = (re.findall(r"^def test_p(\d\d)_", file.read_text(), re.MULTILINE) for file in TESTS.rglob("test_*.py"))
    return frozenset(int(number) for numbers in found for number in numbers)


def test_every_pitfall_has_a_test() -> None:
    """Seen to fail with any one of those tests under another name."""
    assert PITFALLS - covered() == set()

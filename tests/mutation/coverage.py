"""Which tests run a line, from what the plugin `lines` recorded."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS_SECONDS = 20.0
"""The tests of a line are run shortest first, up to so many seconds of what they took without a mutant."""


@dataclass(frozen=True)
class Coverage:
    """Which tests run which lines, and how many seconds each test takes."""

    tests: dict[tuple[str, int], list[str]]
    seconds: dict[str, float]

    @classmethod
    def read(cls, folder: Path) -> Coverage:
        tests: dict[tuple[str, int], list[str]] = defaultdict(list)
        seconds = {}
        for file in folder.glob("*.json"):
            for test, (took, paths) in json.loads(file.read_text(encoding="utf-8")).items():
                seconds[test] = took
                for path, lines in paths.items():
                    for line in lines:
                        tests[path, line].append(test)
        return cls(dict(tests), seconds)

    def tests_for(self, path: str, lines: set[int]) -> list[str]:
        """Tests of these lines, or for no lines those of the whole module; those of its own room first."""
        where = [key for key in self.tests if key[0] == path and (not lines or key[1] in lines)]
        found = {test for key in where for test in self.tests[key]}
        room = Path(path).parent.as_posix().replace("ctgitops/", "tests/")
        chosen: list[str] = []
        left = TESTS_SECONDS
        for test in sorted(found, key=lambda test: (not test.startswith(room), self.seconds[test], test)):
            if self.seconds[test] <= left or not chosen:
                chosen.append(test)
                left -= self.seconds[test]
        return chosen

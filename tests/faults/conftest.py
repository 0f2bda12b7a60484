"""Fixtures: a server that can crash, a new database and repository for each fault, and a summary at the end."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.faults.history import write_history
from tests.faults.scene import DURABLE, Breakable, Scene, Undisturbed, Watched, repository
from tests.servers import base_for_servers, programs_for_tests
from tests.stories.house import facts

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def breakable() -> Iterator[Breakable]:
    with Breakable(programs_for_tests(), settings=DURABLE, listen="127.0.0.1", base=base_for_servers()) as server:
        yield server


@pytest.fixture(scope="session")
def undisturbed(breakable: Breakable, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The same history where nobody disturbs it."""
    url = breakable.create_database("undisturbed").url
    house = repository(tmp_path_factory.mktemp("undisturbed") / "repository")
    write_history(house, url)
    began = time.monotonic()
    watched = Watched(house.start("apply", "--env", "staging"))
    done = watched.ended()
    assert done.status == 0, done.said
    return Undisturbed(facts(url), time.monotonic() - began, len(watched.lines))


@pytest.fixture
def scene(breakable: Breakable, tmp_path: Path) -> Scene:
    """A repository with that history and an empty database; chance is given by the test."""
    url = breakable.create_database(f"fault_{next(_numbers)}").url
    house = repository(tmp_path / "repository")
    write_history(house, url)
    return Scene(house, url, breakable, Random(0))  # noqa: S311 - chance, not a secret


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many faults there were, how many struck, and how many ended well."""
    kinds: dict[str, list[tuple[bool, bool]]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            well = outcome == "passed"
            for fault, struck in _faults(report):
                kinds.setdefault(fault.partition(", at ")[0], []).append((struck, well))
                if not well:
                    terminalreporter.write_line(f"{report.nodeid}: {fault}")
    if kinds:
        terminalreporter.section("faults")
        for kind, ends in sorted(kinds.items()):
            terminalreporter.write_line(_line(kind, ends))
        terminalreporter.write_line(_line("all of them", [end for ends in kinds.values() for end in ends]))


def _faults(report: object) -> Iterator[tuple[str, bool]]:
    """The faults of one test, and whether each struck: before the run had ended."""
    told = getattr(report, "user_properties", ()) if getattr(report, "when", "") == "call" else ()
    fault = ""
    for name, value in told:
        if name == "fault":
            fault = str(value)
        elif name == "struck":
            yield fault, bool(value)


def _line(kind: str, ends: list[tuple[bool, bool]]) -> str:
    struck = sum(each for each, _ in ends)
    late = f", {len(ends) - struck} came after its end" if struck < len(ends) else ""
    return f"{kind:44} {struck:4} injected, {sum(well for hit, well in ends if hit):4} ended well{late}"

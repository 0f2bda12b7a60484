"""The measured rates of a local server are kept for a day."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ctgitops.core.impact.size import Rates
from ctgitops.postgres.server.kept_rates import KEPT_SECONDS, kept_rates
from ctgitops.postgres.server.local_server import LocalServer
from tests.servers import programs_for_tests

FIRST = Rates(scanned=1.5, checked=2, indexed=3, rewritten=4, pages=5)
SECOND = replace(FIRST, scanned=9)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CTGITOPS_CACHE", str(tmp_path))
    return tmp_path


def test_a_measurement_is_kept_for_a_day(cache: Path) -> None:
    server = LocalServer(programs_for_tests())
    assert kept_rates(server, lambda: FIRST) == FIRST
    assert kept_rates(server, lambda: SECOND) == FIRST
    (kept,) = cache.iterdir()
    old = kept.stat().st_mtime - KEPT_SECONDS - 1
    os.utime(kept, (old, old))
    assert kept_rates(server, lambda: SECOND) == SECOND


def test_a_server_in_memory_has_rates_of_its_own(cache: Path) -> None:
    assert kept_rates(LocalServer(programs_for_tests()), lambda: FIRST) == FIRST
    assert kept_rates(LocalServer(programs_for_tests(), base=cache), lambda: SECOND) == SECOND


@pytest.mark.parametrize("text", ["{", "[]", '{"scanned": 1}', '{"other": 1}', '{"scanned": null}'])
def test_a_broken_file_is_measured_again(cache: Path, text: str) -> None:
    server = LocalServer(programs_for_tests())
    kept_rates(server, lambda: FIRST)
    next(cache.iterdir()).write_text(text)
    assert kept_rates(server, lambda: SECOND) == SECOND


def test_without_a_cache_each_run_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTGITOPS_CACHE", "relative")
    server = LocalServer(programs_for_tests())
    assert kept_rates(server, lambda: FIRST) == FIRST
    assert kept_rates(server, lambda: SECOND) == SECOND

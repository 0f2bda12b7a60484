"""A pytest plugin that records which lines of the package each test runs, and how long it takes.

`CTGITOPS_LINES` names the folder for what each worker saw. Processes that a test starts are not seen.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Generator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = f"{ROOT / 'ctgitops'}{os.sep}"
_ours: dict[CodeType, set[int]] = {}
_tests: dict[str, tuple[float, dict[str, list[int]]]] = {}


def _called(frame: FrameType, event: str, _: Any) -> Any:
    if event != "call" or not frame.f_code.co_filename.startswith(PACKAGE) or frame.f_code.co_name == "<module>":
        return None
    seen = _ours.setdefault(frame.f_code, set())
    seen.add(frame.f_lineno)

    def line(frame: FrameType, _event: str, _: Any) -> Any:
        seen.add(frame.f_lineno)
        return line

    return line


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    _ours.clear()
    began = time.monotonic()
    sys.settrace(_called)
    try:
        return (yield)
    finally:
        sys.settrace(None)
        lines: dict[str, set[int]] = {}
        for code, seen in _ours.items():
            lines.setdefault(str(Path(code.co_filename).relative_to(ROOT)), set()).update(seen)
        _tests[item.nodeid] = time.monotonic() - began, {path: sorted(seen) for path, seen in lines.items()}


def pytest_sessionfinish() -> None:
    if _tests:
        folder = Path(os.environ["CTGITOPS_LINES"])
        (folder / f"{os.getpid()}.json").write_text(json.dumps(_tests), encoding="utf-8")

"""Reads the key `benchmark` of the policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..core.benchmark.benchmark import SLOWER, Benchmark
from ..core.problem import Problem
from .json_schema import Fault

if TYPE_CHECKING:
    from .repository import Repository
    from .strict_yaml import Document

LARGEST = 1_000_000
"""The maximum size of a benchmark's file in bytes."""
_PATH = re.compile(r"[^\s;]+\.(?:sql|pgbench)", re.ASCII)


def benchmark_faults(document: Document, usable: dict[str, Any], repository: Repository) -> Iterator[Fault]:
    """Reports a benchmark with both or neither of `sql` and `pgbench`, a name used twice, and an unreadable file."""
    names: set[str] = set()
    for index, written in enumerate(usable.get("benchmark") or ()):
        keys = ("benchmark", index)
        place = document.place(keys)
        if ("sql" in written) == ("pgbench" in written):
            what = f"`benchmark[{index}]` must have exactly one of the keys `sql` and `pgbench`"
            yield Fault(keys, Problem("value", what, place, "write `sql: select …`, or `pgbench: bench/load.pgbench`"))
        elif written["name"] in names:
            what = f"there are two benchmarks with the name `{written['name']}`"
            yield Fault(keys, Problem("value", what, place, "give each benchmark its own name"))
        elif path := _path(written):
            found = _text(repository, path)
            if isinstance(found, Problem):
                key = "sql" if "sql" in written else "pgbench"
                what = f"`benchmark[{index}].{key}` names {path}: {found.what}"
                hint = found.hint or "a path is relative to the repository's root"
                yield Fault(keys, Problem("value", what, document.place((*keys, key)), hint))
        names.add(written["name"])


def benchmarks_of(usable: dict[str, Any], repository: Repository) -> tuple[Benchmark, ...]:
    """The benchmarks that a document without faults defines."""
    return tuple(_benchmark(each, repository) for each in usable.get("benchmark") or ())


def _benchmark(written: dict[str, Any], repository: Repository) -> Benchmark:
    path, text = _path(written), str(written.get("sql") or written.get("pgbench"))
    return Benchmark(
        written["name"],
        str(_text(repository, path)) if path else text,
        path or ("pgbench" if "pgbench" in written else "sql"),
        "pgbench" in written,
        float(written.get("slower", SLOWER)),
        written.get("severity") == "error",
    )


def _path(written: dict[str, Any]) -> str:
    """The path of the file that contains the benchmark. Empty if the policy itself contains it."""
    value = str(written.get("sql") or written.get("pgbench")).strip()
    return value if _PATH.fullmatch(value) else ""


def _text(repository: Repository, path: str) -> str | Problem:
    if path.startswith("/") or ".." in path.split("/"):
        return Problem("value", "the path leaves the repository")
    if not (repository.root / path).exists():
        return Problem("value", "there is no such file")
    return repository.text(path, LARGEST)

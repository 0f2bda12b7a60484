"""The failure of a benchmark in one database. Pure."""

from __future__ import annotations


class BenchmarkError(Exception):
    """A benchmark cannot run in one of the two databases."""

    def __init__(self, what: str, *, timed_out: bool = False, unknown: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.timed_out = timed_out
        """Whether a time limit ended the benchmark."""
        self.unknown = unknown
        """Whether the failure says nothing about the benchmark, because the server or a program is missing."""

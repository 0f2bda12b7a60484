"""Keeps the measured rates of a local server in this user's cache for a day. A measurement takes a second."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.impact.size import Rates
from .data_directory import cache_file

if TYPE_CHECKING:
    from .local_server import LocalServer

KEPT_SECONDS = 24 * 3600


def kept_rates(server: LocalServer, measure: Callable[[], Rates]) -> Rates:
    """The rates of this server's programs, as measured within a day, or else as `measure` measures them now. Writes."""
    file = _file(server)
    if file is None:
        return measure()
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        if time.time() - file.stat().st_mtime < KEPT_SECONDS:
            return Rates(**{key: float(value) for key, value in json.loads(file.read_text("utf-8")).items()})
    rates = measure()
    with contextlib.suppress(OSError):
        making = file.with_suffix(f".{server.process_id}")
        making.write_text(json.dumps(asdict(rates)), "utf-8")
        making.replace(file)
    return rates


def _file(server: LocalServer) -> Path | None:
    with contextlib.suppress(OSError):
        # The server may run a copy of its programs, in a folder with another name each time
        build = (server.programs.bin / "postgres").stat()
        identity = (server.programs.version, int(build.st_mtime), build.st_size, server.in_memory, os.cpu_count())
        digest = hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
        return cache_file(f"rates-{server.programs.major}-{digest}.json")
    return None

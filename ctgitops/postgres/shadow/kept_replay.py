"""Keeps the schema of a replay in this user's cache, for the next comparison with the same migrations."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ... import __version__
from ...core.schema.snapshot import Snapshot, snapshot_from, snapshot_text
from ...errors import UsageError
from ..server.data_directory import cache_file
from ..server.programs import server_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from ...core.environment.environment import ShadowPolicy
    from ...core.plan.plan import Step
    from ...core.plan.replay import ReplayTarget
    from ...core.schema.contents import Contents
    from ...ports.shadow import Replay
    from ..server.programs import Programs

MOST = 12
"""The maximum number of kept schemas. The oldest ones are removed first."""
_PREFIX = "replay-"
_CODE = Path(__file__).parents[1]
"""The folder of the code that runs and reads a replay. Another code may read another schema."""
_CLIENT = ("PGOPTIONS", "PGTZ", "PGDATESTYLE")
"""libpq's variables with settings for each session. DDL reads times and dates as these settings say."""


class KeptReplay:
    """Implements `ports.shadow.Replay`. Runs the steps only if the cache lacks the schema that they produce."""

    def __init__(
        self,
        wanted: ReplayTarget,
        policy: ShadowPolicy,
        steps: tuple[Step, ...],
        start: Callable[[], AbstractContextManager[Replay]],
    ) -> None:
        self._file = None if policy.image or policy.url_secret else _file(wanted, policy.major, steps)
        self._steps = steps
        self._start = start
        self._stack = ExitStack()
        self._replay: Replay | None = None
        self._notes: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._stack.__exit__(*raised)

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The known differences from the requested database, as text."""
        return self._replay.unmatched if self._replay else self._notes

    def apply(self, steps: tuple[Step, ...]) -> None:
        """Runs more steps. Raises ApplyError."""
        self._file = None
        self._started().apply(steps)

    def snapshot(self) -> Snapshot:
        """The schema after the steps. Raises ApplyError if a step fails."""
        return self._kept(".schema") or self._keep(".schema", self._started().snapshot())

    def read_again(self) -> Snapshot:
        """The schema after a dump and restore. Empty if the restore fails."""
        return self._kept(".again") or self._keep(".again", self._started().read_again())

    def contents(self) -> Contents:
        """What the database contains after the steps. Raises ApplyError, WorkspaceError."""
        return self._started().contents()

    def _started(self) -> Replay:
        if self._replay is None:
            self._replay = self._stack.enter_context(self._start())
            self._replay.apply(self._steps)
        return self._replay

    def _kept(self, suffix: str) -> Snapshot | None:
        if self._file is None or self._replay:
            return None
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, UsageError):
            file = self._file.with_suffix(suffix)
            notes, _, text = file.read_text("utf-8").partition("\n")
            snapshot = snapshot_from(text, file.name)
            self._notes = tuple(map(str, json.loads(notes)["unmatched"]))
            os.utime(file)
            return snapshot
        return None

    def _keep(self, suffix: str, snapshot: Snapshot) -> Snapshot:
        if self._file and snapshot.objects:
            making = self._file.with_suffix(f".{os.getpid()}")
            with contextlib.suppress(OSError):
                notes = json.dumps({"unmatched": self.unmatched})
                making.write_text(f"{notes}\n{snapshot_text(snapshot)}", "utf-8")
                making.replace(self._file.with_suffix(suffix))
                _remove_oldest(self._file.parent)
            with contextlib.suppress(OSError):
                making.unlink(missing_ok=True)  # the disk may be full
        return snapshot


def _file(wanted: ReplayTarget, major: int | None, steps: tuple[Step, ...]) -> Path | None:
    """Where the schema is kept, without a suffix. None if the cache cannot be used, or without a local server."""
    with contextlib.suppress(OSError, UsageError):
        programs = server_for(major or wanted.major, [name.strip('"') for name in wanted.extensions])
        build = (programs.bin / "postgres").stat()
        parts = [
            __version__,
            [(path.name, path.stat().st_mtime_ns) for path in sorted(_CODE.rglob("*")) if path.suffix != ".pyc"],
            (programs.version, build.st_mtime_ns, build.st_size),
            _extensions(programs),
            [os.environ.get(name) for name in _CLIENT],
            (wanted.major, sorted(wanted.extensions.items()), wanted.role, wanted.search_path, wanted.database),
            wanted.given,
            [(step.number, step.name, step.script.path, step.script.sql) for step in steps],
        ]
        return cache_file(f"{_PREFIX}{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}")
    return None


def _extensions(programs: Programs) -> list[tuple[str, int, int]]:
    """Identifies the extensions that are installed, and their default versions."""
    files = sorted(((programs.share or Path("/nonexistent")) / "extension").glob("*.control"))
    return [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files]


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.glob(f"{_PREFIX}*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[MOST:]:
        path.unlink(missing_ok=True)

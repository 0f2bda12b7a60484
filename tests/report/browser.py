"""Chromium, driven through its DevTools protocol on a pipe: no server, no network, no further library."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers import missing

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-extensions", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
)  # fmt: skip
ON_A_PIPE = """import os, sys
ends = [os.dup(os.dup(os.dup(int(each)))) for each in sys.argv[1:3]]  # not 3 and 4 themselves
[os.dup2(end, to) for end, to in zip(ends, (3, 4))]
os.execv(sys.argv[3], sys.argv[3:])"""
"""The browser reads from file descriptor 3 and writes to 4."""


@dataclass
class Browser:
    """One page in a browser of its own."""

    reader: int
    writer: int
    session: str = ""
    last: int = 0
    heard: bytes = b""
    events: list[dict[str, Any]] = field(default_factory=list)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Calls a method of the protocol, and waits for its answer."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.last:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.heard:
            more = os.read(self.reader, 1 << 20)
            assert more, "the browser has ended"
            self.heard += more
        message, _, self.heard = self.heard.partition(b"\0")
        return dict(json.loads(message))

    def wait_for(self, method: str) -> dict[str, Any]:
        """Waits for an event that has not been heard yet."""
        while True:
            event = self._next()
            self.events.append(event)
            if event.get("method") == method:
                return event

    def run(self, script: str) -> Any:
        """The value of an expression in the page. Waits for a promise."""
        done = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def open(self, url: str) -> None:
        """Opens an address, and waits until its scripts have run."""
        self.send("Page.navigate", url="about:blank")
        self.wait_for("Page.loadEventFired")
        self.events.clear()
        self.send("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def go(self, address: str) -> None:
        """Follows an address inside the page, and waits until it is drawn."""
        self.run(f"location.hash = {json.dumps(address)}")
        self.run("new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done))))")

    def press(self, key: str, text: str = "") -> None:
        """Presses a key."""
        codes = {"Enter": 13, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        code = codes.get(key, ord(key[0]))
        given = {"key": key, "windowsVirtualKeyCode": code, "text": "\r" if key == "Enter" else text}
        self.send("Input.dispatchKeyEvent", type="keyDown", **given)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def size(self, width: int, height: int) -> None:
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, *, scheme: str = "light", print_: bool = False) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media="print" if print_ else "", features=features)

    def picture(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def busy(self) -> dict[int, float]:
        """The seconds of processor time of each process that draws pages."""
        session, self.session = self.session, ""
        found = self.send("SystemInfo.getProcessInfo")["processInfo"]
        self.session = session
        return {int(each["id"]): float(each["cpuTime"]) for each in found if each["type"] == "renderer"}

    def faults(self) -> list[str]:
        """The errors that the page has reported: exceptions, and violations of its policy."""
        self.send("Runtime.evaluate", expression="0")
        bad = []
        for event in self.events:
            if event.get("method") == "Runtime.exceptionThrown":
                bad.append(json.dumps(event["params"]["exceptionDetails"].get("exception", event["params"])))
            if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] in {"error", "warning"}:
                bad.append(event["params"]["entry"]["text"])
        return bad

    def requests(self) -> list[str]:
        """The addresses that the page has asked for."""
        sent = (event for event in self.events if event.get("method") == "Network.requestWillBeSent")
        return [event["params"]["request"]["url"] for event in sent]


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with one empty page. Skips the test if there is no Chromium."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise missing("chromium", "Chromium is not installed")
    from_us, to_browser = os.pipe()
    from_browser, to_us = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                ON_A_PIPE,
                str(from_us),
                str(to_us),
                program,
                *ARGUMENTS,
                f"--user-data-dir={folder}",
            ],
            pass_fds=(from_us, to_us),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(from_us)
        os.close(to_us)
        try:
            found = Browser(from_browser, to_browser)
            target = found.send("Target.createTarget", url="about:blank")["targetId"]
            found.session = found.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                found.send(f"{domain}.enable")
            found.size(1280, 900)
            yield found
        finally:
            with suppress(OSError):
                os.close(to_browser)
            process.kill()
            process.wait()
            os.close(from_browser)

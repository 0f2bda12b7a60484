"""Entry point of `python -m ctgitops` and of the installed command `ctgitops`."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found] # `signal` imports more, and Ctrl-C may come meanwhile
import os
import sys
import time

TYPE_CHECKING = False  # importing `typing` would take as long as Python takes to start
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130
OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""Most objects of a run live until its end. Python's default, 700, makes the garbage collector take 5 % of the time."""


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """Ends the process at once. An exception would print a traceback of the import."""
    try:
        os.write(2, _last_line().encode())
    finally:
        os._exit(INTERRUPTED)


def _last_line() -> str:
    """The message of `_leave`. Imports nothing, because the signal may have come during an import."""
    what = "the run was asked to stop before it began"
    arguments = sys.argv[1:]
    if "--log-format=json" not in arguments and ("--log-format", "json") not in zip(arguments, arguments[1:]):  # noqa: B905, RUF007 - the second is shorter, and itertools is an import
        return f"error[interrupted]: {what}\n"
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return (
        f'{{"version": 1, "time": "{now}", "level": "error", "event": "error", "message": "{what}", '
        f'"environment": null, "migration": null, "code": "interrupted", "exit_status": {INTERRUPTED}, '
        '"state": "nothing was changed", "hint": "run the same command again"}\n'
    )


def _wrote_version() -> bool:
    """Writes the version without importing click, which takes longer than Python's start. Returns whether it did."""
    from . import __version__  # noqa: PLC0415 - the handlers must be set before any import

    try:
        os.write(1, f"ctgitops, version {__version__}\n".encode())
    except OSError:
        return False
    return True


def main() -> NoReturn:
    """Imports the command line and runs it. A signal during the import ends the process without a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)
    import gc  # noqa: PLC0415 - the handlers must be set before any import

    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    if sys.argv[1:] == ["--version"] and _wrote_version():
        sys.exit(0)
    from .cli.main import main as run  # noqa: PLC0415 - the handlers must be set before this slow import

    run()


if __name__ == "__main__":
    main()

"""Runs the command in a process forked from one that has imported it, because imports take most of a short run.

A command that a test stops or kills is started as a user starts it instead, by `House.start`.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ctgitops.cli.main import main

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.stories.imported"])


def forked(
    arguments: tuple[str, ...], folder: Path, environ: Mapping[str, str], seconds: float
) -> tuple[int, str, str]:
    """Its status, its standard output and its standard error."""
    with tempfile.TemporaryDirectory() as scratch:
        out, err = Path(scratch, "out"), Path(scratch, "err")
        out.touch()
        err.touch()
        process = _FORKS.Process(target=_become, args=(arguments, str(folder), dict(environ), str(out), str(err)))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f"{' '.join(arguments)} took longer than {seconds} s:\n{err.read_text()}")
        return process.exitcode, out.read_text(), err.read_text()


def _become(arguments: tuple[str, ...], folder: str, environ: dict[str, str], out: str, err: str) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for number, name in enumerate((os.devnull, out, err)):
        opened = os.open(name, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process is
        for number, mode in enumerate(("r", "w", "w"))
    )
    sys.argv = ["ctgitops", *arguments]
    main()

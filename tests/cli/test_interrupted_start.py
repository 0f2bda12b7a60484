"""A signal while the command starts: no traceback of whichever import it met."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import click
import pytest

from ctgitops.cli import main
from tests.stories.house import CODE, INTERRUPTED

WRAPPED = """
import os, signal
from ctgitops.cli import main
def wrapping(**_):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt as error:
        raise RuntimeError("Error calling __set_name__") from error
main.ctgitops.main = wrapping
main.main()
"""
LOADED = "import sys; before = set(sys.modules); import ctgitops.__main__; print(*set(sys.modules) - before)"


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=CODE, capture_output=True, text=True, check=False)


def test_a_signal_waits_for_the_end_of_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail without the fix: the module was half imported."""
    whole = []

    def interrupted(name: str) -> ModuleType:
        signal.raise_signal(signal.SIGINT)  # to this thread, as a command has no other yet
        module = import_module(name)
        whole.append(name)
        return module

    monkeypatch.setattr(main, "import_module", interrupted)
    with pytest.raises(KeyboardInterrupt):
        main.Verbs().get_command(click.Context(main.ctgitops), "check")
    assert whole == ["ctgitops.cli.read_only"]


def test_an_interrupt_that_comes_out_as_another_error_is_quiet() -> None:
    """Seen to fail without the fix: a traceback and status 1, where a dataclass was made at that moment."""
    done = python(WRAPPED)
    assert done.returncode == INTERRUPTED, done.stderr
    assert "Traceback" not in done.stderr
    assert "error[interrupted]" in done.stderr


def test_nothing_is_imported_before_signals_are_handled() -> None:
    """Seen to fail without the fix: `typing` and `signal` took as long as all of Python's start."""
    assert set(python(LOADED).stdout.split()) <= {"ctgitops", "ctgitops.__main__", "__future__", "_signal"}


def test_a_verb_that_only_reads_says_that_the_run_it_watched_continues(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "_verb", ["watch"])
    assert main._interrupted() == INTERRUPTED
    said = capsys.readouterr().err
    assert "`watch` was asked to stop" in said
    assert "a run that another process started continues" in said
    monkeypatch.setattr(main, "_verb", ["apply"])
    main._interrupted()
    assert "the run was asked to stop" in capsys.readouterr().err

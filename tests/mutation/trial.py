"""Runs the tests of each mutant in a process of its own, forked from a pytest that has collected all tests.

In such a process the code of the mutated function is replaced. What is outside of functions, such as a constant, is
read at import, so its mutants get a new process that imports the mutated module.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import pytest

from tests.mutation.coverage import ROOT
from tests.mutation.mutants import Mutant

SECONDS = 180
"""How long the tests of one mutant may take before it counts as noticed: it does not end."""
OPTIONS = ("-n", "0", "-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")


class Ending(Enum):
    CAUGHT = "caught"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    UNREACHED = "not reached by a test"


class Trials:
    """A pytest plugin that, in the place of the tests, runs those of each mutant; `endings` says how they ended."""

    def __init__(self, asked: dict[Mutant, list[str]], jobs: int) -> None:
        self.asked = asked
        self._jobs = jobs
        self.endings: dict[Mutant, Ending] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined] # one for all processes
        items = {item.nodeid: item for item in session.items}
        gc.freeze()
        control = sorted({test for tests in self.asked.values() for test in tests[:2] if test in items})
        if control and _wait(*_forked(lambda: _run(session, [items[test] for test in control]))) is not Ending.SURVIVED:
            raise SystemExit("the tests do not pass without a mutant")
        waiting, running, again = list(self.asked), dict[Mutant, tuple[int, float]](), set[Mutant]()
        while waiting or running:
            while waiting and len(running) < self._jobs:
                mutant = waiting.pop(0)
                tests = [items[test] for test in self.asked[mutant] if test in items]
                running |= self._started(session, mutant, tests)
            for mutant, (pid, deadline) in list(running.items()):
                ending = _ended(pid, deadline)
                if ending is Ending.SURVIVED and mutant not in again and mutant.in_function:
                    again.add(mutant)  # code that ran at import is noticed by a new process alone
                    asked = self.asked[mutant]
                    running[mutant] = _forked(lambda mutant=mutant, asked=asked: _anew(mutant, asked))  # type: ignore[misc]
                elif ending is not None:
                    del running[mutant]
                    self._note(mutant, ending)
            time.sleep(0.01)
        return True

    def _note(self, mutant: Mutant, ending: Ending) -> None:
        self.endings[mutant] = ending
        said = f"{len(self.endings)}/{len(self.asked)} {ending.value} {mutant.path}:{mutant.line}\n"
        os.write(2, said.encode())  # past what pytest captures

    def _started(
        self, session: pytest.Session, mutant: Mutant, tests: list[pytest.Item]
    ) -> dict[Mutant, tuple[int, float]]:
        if not tests:
            self._note(mutant, Ending.UNREACHED)
            return {}
        if mutant.in_function:
            return {mutant: _forked(lambda: _with_code(mutant) or _run(session, tests))}
        return {mutant: _forked(lambda: _anew(mutant, [test.nodeid for test in tests]))}


def _run(session: pytest.Session, items: list[pytest.Item]) -> int:
    """Runs these tests, in this order, to the first that fails."""
    failed: list[bool] = []

    class Listener:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                failed.append(True)

    session.config.pluginmanager.register(Listener())
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if failed:
            session._setupstate.teardown_exact(None)
            return 1
    return 0


def _with_code(mutant: Mutant) -> int:
    """Gives the mutated code to the function, wherever it is referred to; 0, or 1 where that cannot be done."""
    file = str(ROOT / mutant.path)
    source = Path(file).read_bytes()
    old = {code.co_qualname: code for code in _codes(compile(source, file, "exec", dont_inherit=True))}
    new = {code.co_qualname: code for code in _codes(compile(mutant.applied(source), file, "exec", dont_inherit=True))}
    changed = {name for name in old if name in new and old[name] != new[name]}
    gc.unfreeze()
    found = [
        each
        for each in gc.get_objects()
        if isinstance(each, FunctionType) and each.__code__.co_filename == file and each.__code__.co_qualname in changed
    ]
    for function in found:
        function.__code__ = new[function.__code__.co_qualname]
    return 0


def _codes(module: CodeType) -> Iterator[CodeType]:
    """The code of a module's functions and methods, without those inside of functions."""
    for each in module.co_consts:
        if isinstance(each, CodeType):
            if "__qualname__" in each.co_names and each.co_name in each.co_qualname and not each.co_flags & 2:
                yield from _codes(each)
            else:
                yield each


def _anew(mutant: Mutant, tests: Sequence[str]) -> int:
    """The exit status of a new pytest that imports the mutated module."""
    with tempfile.TemporaryDirectory() as scratch:
        mutated = Path(scratch, "mutated.py")
        mutated.write_bytes(mutant.applied((ROOT / mutant.path).read_bytes()))
        chosen = Path(scratch, "tests")
        chosen.write_text("\n".join(tests), encoding="utf-8")
        command = [sys.executable, "-c", "from tests.mutation.trial import import_mutated; import_mutated()"]
        files = sorted({test.partition("::")[0] for test in tests})
        done = subprocess.run([*command, mutant.path, scratch, *files], cwd=ROOT, capture_output=True, check=False)
        return done.returncode


def import_mutated() -> None:
    """The new pytest: its arguments are the module's path, a folder with its mutated source, and the tests' files."""
    path, folder, *files = sys.argv[1:]
    order = Path(folder, "tests").read_text(encoding="utf-8").splitlines()
    sys.meta_path.insert(0, _Instead(path, Path(folder, "mutated.py").read_bytes()))
    options = [*OPTIONS, f"--basetemp={folder}/basetemp"]
    sys.exit(pytest.main([*options, *files], plugins=[_Only(order)]))


class _Only:
    def __init__(self, tests: Sequence[str]) -> None:
        self._order = {test: number for number, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._order), key=lambda item: self._order[item.nodeid]
        )


class _Instead(importlib.abc.MetaPathFinder):
    """Finds the mutated module in the place of the module."""

    def __init__(self, path: str, source: bytes) -> None:
        self._name = path.removesuffix(".py").replace("/", ".")
        self._path = str(ROOT / path)
        self._source = source

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._path, self._source)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, _name: str) -> CodeType:
        """Never the module's stored bytecode."""
        return compile(self._source, self.path, "exec", dont_inherit=True)


def _forked(work: Callable[[], int]) -> tuple[int, float]:
    """A process that does `work`, in a group of its own, and when its time is over."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setsid()
            said = os.open(os.environ.get("CTGITOPS_MUTATION_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(said, 1)
            os.dup2(said, 2)
            status = work()
        finally:
            os._exit(status)
    return pid, time.monotonic() + SECONDS


def _wait(pid: int, deadline: float) -> Ending:
    while (ending := _ended(pid, deadline)) is None:
        time.sleep(0.01)
    return ending


def _ended(pid: int, deadline: float) -> Ending | None:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        return Ending.SURVIVED if os.waitstatus_to_exitcode(status) == 0 else Ending.CAUGHT
    if time.monotonic() < deadline:
        return None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return Ending.TIMEOUT

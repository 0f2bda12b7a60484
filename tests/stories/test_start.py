"""What each verb imports: the number of modules, and modules that a run must not pay for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.servers import quickly
from tests.stories.house import CODE, House

RUN = (
    "import atexit, os, sys; atexit.register(lambda: os.write(2, ' '.join(sys.modules).encode())); "
    "from ctgitops.__main__ import main; main()"
)
MOST = {"--version": 60, "check": 480, "status": 555, "apply": 620, "plan": 635}
"""The number of modules when this was written, and a few more. `import psycopg` alone imports 294."""
NEVER = {"apprise", "github", "jinja2", "jsonschema", "obstore", "opentelemetry", "pyrage", "requests", "rich"}
OFFLINE = {"asyncio", "psycopg", "ssl"}
ARGUMENTS = {"apply": ["--env", "staging"], "plan": ["--no-shadow"]}


def modules(house: House, verb: str) -> set[str]:
    """The modules that one verb imports, in a process of its own."""
    command = [sys.executable, "-c", RUN, verb, *ARGUMENTS.get(verb, [])]
    environ = {**os.environ, **house.secrets, "PYTHONPATH": str(CODE)}
    done = subprocess.run(command, cwd=house.root, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("verb", quickly(MOST, alone=["--version", "status", "apply"]))
def test_a_verb_imports_no_more_modules_than_it_needs(lived_in: House, verb: str) -> None:
    found = modules(lived_in, verb)
    assert len(found) <= MOST[verb], sorted(name for name in found if name.startswith("ctgitops"))
    assert found.isdisjoint(NEVER)
    assert not (verb in {"--version", "check"} and OFFLINE & found)
    assert not (verb == "--version" and "click" in found)

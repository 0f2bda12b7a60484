"""The process that parses strangers' SQL: what SQL can reach that takes the parser over, or exhausts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctgitops.files import parser_process
from ctgitops.files.parser_process import MOST_ENDED, ParserProcess, parsing_apart
from ctgitops.sql import libpg_query
from ctgitops.sql.deparse import count_where, expression, index_on_probe, type_name
from ctgitops.sql.guard import NotAnalysedError, SqlSyntaxError
from ctgitops.sql.libpg_query import parse_as_json
from ctgitops.sql.parse import parse_expression, statements, trees
from ctgitops.sql.plpgsql import inside
from tests.test_action_forge import Scene, opened, scene
from tests.test_action_outside import fork

__all__ = ["scene"]

pytestmark = pytest.mark.slow

SECRET = "hunter2-of-this-process"
TAKEN_OVER = """
import ctypes, json, os, resource
libc = ctypes.CDLL(None, use_errno=True)

def tried(what):
    try:
        return repr(what())
    except BaseException as error:
        return type(error).__name__

class Answer:
    error = None
    def __init__(self, tree):
        self.parse_tree = tree

class Library:
    def pg_query_parse(self, sql):
        parent, secret = json.loads(sql)
        start = ctypes.create_string_buffer(64)
        return Answer(json.dumps({
            "own environment": repr(dict(os.environ)),
            "environment of the parent": tried(lambda: open(f"/proc/{parent}/environ").read()),
            "memory of the parent": tried(lambda: open(f"/proc/{parent}/mem", "rb")),
            "trace of the parent": libc.ptrace(16, parent, 0, 0),
            "a file": tried(lambda: open(secret).read()),
            "a file that is written": tried(lambda: open("/tmp/x", "w")),
            "a folder": tried(lambda: os.listdir("/proc")),
            "a socket": libc.socket(2, 1, 0),
            "a local socket": libc.socket(1, 1, 0),
            "a process": tried(os.fork),
            "its account": os.geteuid(),
            "root": tried(lambda: os.setuid(0)),
            "more files": tried(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))),
            "more memory": tried(lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))),
            "a large text": tried(lambda: len(bytes(5 << 30))),
            "open files": [n for n in range(64) if libc.fcntl(n, 1) >= 0],
        }).encode())
    def pg_query_free_parse_result(self, result):
        pass

lib = Library()
"""
ASKED = """
import json, os, sys
from ctgitops.files.parser_process import ParserProcess, _packages, parsing_apart
from ctgitops.sql import libpg_query
from ctgitops.sql.libpg_query import parse_as_json
with parsing_apart(ParserProcess((sys.argv[1], *_packages()))):
    print(parse_as_json(json.dumps([os.getpid(), sys.argv[2]]).encode()).decode())
"""


def taken_over(tmp_path: Path, code: str) -> str:
    """A folder with a parser that runs `code`, as if SQL had taken it over."""
    package = tmp_path / "hostile" / "postgast"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "native.py").write_text(code)
    return str(package.parent)


@pytest.mark.parametrize("user", [None, 65534], ids=["root", "nobody"])
def test_who_takes_the_parser_over_reaches_nothing(tmp_path: Path, user: int | None) -> None:
    """Seen to fail, each line by itself, without a limit, the other account, and `PR_SET_DUMPABLE`."""
    if os.geteuid() and user:
        pytest.skip("only root can become another account")
    tmp_path.chmod(0o755)
    for folder in list(tmp_path.parents)[:-2]:
        if folder.stat().st_uid == os.geteuid() and str(folder) not in ("/tmp", "/"):
            folder.chmod(0o755)
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    command = [sys.executable, "-c", ASKED, taken_over(tmp_path, TAKEN_OVER), str(secret)]
    environment = {"STAGING_DATABASE_URL": SECRET, "PATH": os.defpath}
    try:
        done = subprocess.run(command, user=user, cwd="/", env=environment, capture_output=True, text=True, check=True)
    except PermissionError:
        pytest.skip("the account `nobody` cannot run this Python")
    assert SECRET not in done.stdout
    found = json.loads(done.stdout)
    assert found.pop("own environment") in ("{}", "{'LC_CTYPE': 'C.UTF-8'}")
    assert found.pop("open files") == [0, 1, 2]
    assert found.pop("its account") == (os.geteuid() or 65534)
    assert found.pop("a process") in ("BlockingIOError", "PermissionError")
    refusals = (-1, "OSError", "PermissionError", "ValueError", "MemoryError")
    assert {name: answer for name, answer in found.items() if answer not in refusals} == {}


@pytest.fixture
def apart() -> Iterator[ParserProcess]:
    process = ParserProcess()
    with parsing_apart(process):
        yield process
    process.end()


WRONG = ("select from where", "select 'x", "sélect é +", "select U&'\\zzz'")


def test_what_is_parsed_apart_is_what_is_parsed_here() -> None:
    here = results()
    process = ParserProcess()
    with parsing_apart(process):
        assert process.start() != os.getpid()
        assert results() == here
    process.end()


def results() -> tuple[object, ...]:
    """Of each kind of work that the parser does, and of errors."""
    sql = "create table é (a int); insert into é select 1; do $$ begin perform 1; end $$;"
    integer = {"names": [{"String": {"sval": "int4"}}], "typemod": -1}
    return (
        statements(sql),
        [(run.sql, run.line) for run in inside("begin perform 1;\nperform 2; end").runs],
        expression(parse_expression("a + 1")),
        type_name(integer),
        count_where("delete from t where a = 1"),
        index_on_probe("create index concurrently i on t (a)", "probe"),
        len(trees("select 1" + " + 1" * 30_000)),
        *(_error(each) for each in WRONG),
    )


def _error(sql: str) -> tuple[str, int] | None:
    try:
        trees(sql)
    except SqlSyntaxError as error:
        return error.message, error.offset
    return None


CRASHES = "import ctypes\nclass L:\n  def pg_query_parse(self, sql):\n    ctypes.string_at(0)\nlib = L()"
HANGS = "class L:\n  def pg_query_parse(self, sql):\n    while True: pass\nlib = L()"
FLOODS = (
    "import os\nclass L:\n  def pg_query_parse(self, sql):\n    os.write(0, b'd' + b'\\xff' * 8)\n"
    "    while True: pass\nlib = L()"
)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (CRASHES, "the parser process crashed"),
        (HANGS, "needed more than 1 seconds"),
        (FLOODS, "the parser process crashed"),
    ],
    ids=["crash", "endless", "flood"],
)
def test_a_parser_that_ends_costs_one_file_and_a_limited_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    monkeypatch.setattr(parser_process, "SECONDS", 1)
    process = ParserProcess((taken_over(tmp_path, code), *parser_process._packages()))
    started = time.monotonic()
    with parsing_apart(process):
        for _ in range(MOST_ENDED):
            with pytest.raises(NotAnalysedError, match=said):
                statements("select 1")
        with pytest.raises(NotAnalysedError, match="is not started again"):
            statements("select 1")
    process.end()
    assert time.monotonic() - started < 60


def test_another_file_is_parsed_after_one_that_crashed(apart: ParserProcess) -> None:
    first = apart.start()
    os.kill(first, signal.SIGKILL)
    with pytest.raises(NotAnalysedError):
        statements("select 1")
    assert statements("select 1")
    assert apart.start() != first


def test_no_child_outlives_its_parent() -> None:
    code = (
        "import os\nfrom ctgitops.files.parser_process import ParserProcess\n"
        "p = ParserProcess(); print(p.start(), flush=True); p('parse_as_json', b'select 1'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{int(done.stdout)}").exists() and "Z" not in _state(int(done.stdout)):
        assert time.monotonic() < deadline
    assert parse_as_json(b"select 1")


def _state(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize("event", ["own", "fork"])
def test_the_action_parses_no_sql_itself(scene: Scene, monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    """Seen to fail without `parsing_apart` in the Action."""
    monkeypatch.setattr(libpg_query, "library", lambda: pytest.fail("the parser was loaded in this process"))
    scene.house.migration("002_blue", "create table blue (id int primary key); delete from blue where id = 1;")
    assert scene.run("pull_request", fork() if event == "fork" else opened()) == 0
    page = scene.summary + "".join(comment.body for comment in scene.forge.comments)
    assert "no problems" in page if event == "fork" else "blue" in page


def test_a_file_that_ends_the_parser_is_a_problem_of_that_file(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not a traceback, and not a plan without the file."""
    process = ParserProcess((taken_over(tmp_path, CRASHES), *parser_process._packages()))
    monkeypatch.setattr(parser_process, "_shared", lambda: process)
    scene.house.migration("002_blue", "create table blue (id int primary key);")
    assert scene.run("pull_request", fork()) == 3
    assert "the parser process crashed" in scene.summary
    assert "002_blue" in scene.summary
    process.end()

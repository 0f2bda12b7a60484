"""Every analysis reads PostgreSQL's own regression suite, which the source distribution of our parser has in it.

It is fetched by pip as requirements-dev.txt pins it, and skipped where pip cannot.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctgitops.sql.guard import SqlSyntaxError
from ctgitops.sql.nodes import walk
from ctgitops.sql.parse import trees
from ctgitops.sql.tokens import tokens
from tests.fuzz.analyses import linter, text_failures

ROOT = Path(__file__).parents[2]
SUITE = re.compile(r"[^/]+/vendor/libpg_query/test/sql/.+\.sql")
EACH = int(os.environ.get("CTGITOPS_REGRESSION_EACH", "10"))
"""Of so many statements one is read; `make nightly` reads all."""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The text of each file of the suite."""
    folder = tmp_path_factory.mktemp("suite")
    lock = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    pin = re.search(r"^postgast==.*(?:\n    --hash=.*)+", lock, re.MULTILINE)
    assert pin
    (folder / "pin.txt").write_text(pin[0].rstrip(" \\") + "\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--require-hashes",
        "--no-deps",
        "--no-binary",
        ":all:",
    ]
    command += ["--no-build-isolation", "--dest", str(folder), "--requirement", str(folder / "pin.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    if done.returncode:
        pytest.skip(f"pip cannot fetch the suite: {done.stderr.strip().splitlines()[-1]}")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        members = [each for each in files.getmembers() if SUITE.fullmatch(each.name)]
        return {each.name.rpartition("/sql/")[2]: text_of(files, each) for each in members}


def text_of(files: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    """A file without the lines that are commands of psql."""
    file = files.extractfile(member)
    text = file.read().decode(errors="replace") if file else ""
    return re.sub(r"^\\.*$", "", text, flags=re.MULTILINE)


def statements_of(text: str) -> Iterator[str]:
    """The statements of a text that need not be SQL as a whole."""
    at = 0
    for token in tokens(text):
        if text[token.start : token.end] == ";":
            yield text[at : token.end]
            at = token.end


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_analyses_read_the_regression_suite(suite: dict[str, str]) -> None:
    assert len(suite) > 200
    found: dict[str, str] = {}
    met: set[str] = set()
    for name, text in suite.items():
        by = linter()
        for sql in list(statements_of(text))[::EACH]:
            met |= kinds_in(sql)
            for failure in text_failures(sql, by):
                found.setdefault(failure, f"{name}: {sql.strip()}")
    assert found == {}
    assert len(met) > 150


def kinds_in(sql: str) -> set[str]:
    """The kinds of node of a statement."""
    try:
        return {kind for tree in trees(sql) for kind, _ in walk({tree.kind: tree.node})}
    except SqlSyntaxError:
        return set()

"""Colour and width are the terminal's: a pipe, a file and other formats have neither."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ctgitops.cli.printing import coloured, has_colour, width_of
from ctgitops.core.view.status import status_of
from ctgitops.report.terminal_text import width
from ctgitops.report.text import plans_text
from ctgitops.report.text_status import status_text, statuses_text
from tests.fakes import STAGING, chained, entry, migration, workspace
from tests.files.checkout import Checkout
from tests.report.cases import READY

STYLE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "at_a_terminal", "in_a_pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR": "0"}, False, False),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_who_gets_colour(environ: dict[str, str], at_a_terminal: bool, in_a_pipe: bool) -> None:
    assert has_colour(Terminal(), environ) is at_a_terminal
    assert has_colour(io.StringIO(), environ) is in_a_pipe


def test_colour_changes_no_character() -> None:
    page = (
        "error[x]: BLOCKED\n  --> a:1\n      -old\n      +new\n  help: do it\n+   table a\n  +  001_a\nwarning[y]: z\n"
    )
    assert STYLE.sub("", coloured(page)) == page
    assert coloured("  +  001_a\n") == "  +  001_a\n"
    assert all("\x1b[0m" in line for line in coloured("      -old\n+ new\n  help: x").splitlines())


def test_a_migration_without_a_version_is_not_coloured_as_a_removed_line() -> None:
    seen = status_of(workspace(migration("001_one")), STAGING, chained(entry(migration("001_one"))))
    for width_there in (80, None):
        page = status_text(seen, width_there)
        assert "\n-  " in page
        assert coloured(page) == page


def test_the_width_is_that_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert width_of(Terminal()) == 80
    assert width_of(io.StringIO()) is None
    closed = io.StringIO()
    closed.close()
    assert width_of(closed) is None


LONG = "Row-level security: everybody reads the rows of their own organisations, and nothing else of anybody"
ONE = migration("001_customers_of_the_company_with_a_long_name", "1.0.0", Description=LONG)
SEEN = status_of(workspace(ONE), STAGING, chained(entry(ONE)))


def test_the_status_fits_and_cuts_no_description() -> None:
    for page in (status_text(SEEN, 80), statuses_text((SEEN, SEEN), 80)):
        assert all(width(line) <= 80 for line in page.splitlines())
        assert set(LONG.split()) <= set(page.split())
    assert "…" in status_text(SEEN)


def test_the_plan_s_table_fits() -> None:
    lines = plans_text(READY, 80).splitlines()
    rows = [line for line in lines if line.startswith(("     migration", "  +  "))]
    assert rows
    assert all(width(line) <= 80 for line in rows)


def test_at_a_real_terminal_labels_have_colour_and_json_has_none(tmp_path: Path) -> None:
    Checkout(tmp_path).write("migrations/001_a.sql", "select from from;\n")

    def run(*arguments: str, **environ: str) -> str:
        main, other = pty.openpty()
        command = [sys.executable, "-m", "ctgitops", "check", "--root", str(tmp_path), *arguments]
        env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm", **environ}
        with subprocess.Popen(command, stdout=other, stderr=other, stdin=other, env=env) as child:
            os.close(other)
            said = b""
            while True:
                try:
                    said += (part := os.read(main, 65536))
                except OSError:  # Linux ends a terminal so
                    break
                if not part:
                    break
            assert child.wait() == 3
        os.close(main)
        return said.decode()

    assert STYLE.search(run())
    assert not STYLE.search(run(NO_COLOR="1"))
    assert not STYLE.search(run("--format", "json", FORCE_COLOR="1"))

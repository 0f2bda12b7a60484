"""Standard output and error that are full, closed or left by their reader: a run goes on, and its status is true."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.servers import session
from tests.stories.house import INTERRUPTED, House, Run, marks, runs, until
from tests.stories.house import _environ as clean_environment

ON = ("--env", "staging")
slow = pytest.mark.slow
LEFT = "| (exec <&-)"
"""A reader that leaves at once."""


def shell(house: House, redirected: str, *arguments: str) -> Run:
    """The command with a redirection, as a shell does it; the status is the command's own, whatever it is piped to."""
    line = f'{{ "$@"; echo $? >status; }} {redirected}' if "|" in redirected else f'"$@" {redirected}; echo $? >status'
    done = subprocess.run(
        ["/bin/bash", "-c", line, "bash", sys.executable, "-m", "ctgitops", *arguments],
        cwd=house.root,
        env={**clean_environment(), **house.secrets},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    status = int((house.root / "status").read_text())
    return house.checked(Run(status, done.stdout, done.stderr))


REDIRECTED = [
    ("text", ">/dev/full"),
    ("text", ">&- 2>&- <&-"),
    # One function writes every form, so each of the others has a full and a closed stream only
    *(
        pytest.param(form, redirected, marks=slow)
        for form, redirected in [
            *(("text", r) for r in (">&-", "2>/dev/full", "2>&-", ">/dev/full 2>&1", LEFT, f"2>&1 {LEFT}")),
            *((form, r) for form in ("json", "markdown") for r in (">/dev/full 2>&1", f"2>&1 {LEFT}")),
        ]
    ),
]


@pytest.mark.parametrize(("form", "redirected"), REDIRECTED)
def test_apply_goes_on_to_its_end(lived_in: House, database_url: str, redirected: str, form: str) -> None:
    """Seen to fail without the fix: a full stderr ended the run between two migrations, with a traceback."""
    names = [f"{number:03}_t" for number in range(2, 6)]
    for name in names:
        lived_in.migration(name, f"create table {name[-1]}{name[:3]} ();\nselect pg_sleep(0.01);")
    done = shell(lived_in, redirected, "apply", *ON, "--format", form)
    assert done.status == 0, done.said
    assert marks(database_url) == ["001_one applied", *(f"{name} applied" for name in names)]


@slow
@pytest.mark.parametrize("redirected", [">/dev/full", "2>&-", f"2>&1 {LEFT}"])
def test_an_apply_that_fails_keeps_its_status(lived_in: House, database_url: str, redirected: str) -> None:
    lived_in.migration("002_two", "create table two ();")
    lived_in.migration("003_three", "select 1 / 0;")
    assert shell(lived_in, redirected, "apply", *ON, "--format", "json").status == 6
    assert marks(database_url)[1:] == ["002_two applied", "003_three failed"]


@pytest.mark.parametrize(
    ("verb", "form"),
    [
        ("status", "text"),
        *(
            pytest.param(verb, form, marks=slow)
            for form, verbs in {
                "text": ("plan", "check", "verify", "drift", "snapshot", "diff"),
                "json": ("status", "check"),
            }.items()
            for verb in verbs
        ),
    ],
)
def test_a_verb_that_only_reads_says_that_it_could_not_write(lived_in: House, verb: str, form: str) -> None:
    arguments = {"check": [], "diff": ["staging", "migrations"]}.get(verb, list(ON))
    asked = (verb, *arguments, *([] if verb == "snapshot" else ["--format", form]))
    full = shell(lived_in, ">/dev/full", *asked)
    assert full.status == 2, full.said
    assert "error[usage]: standard output cannot be written: No space left on device" in full.err


@slow
@pytest.mark.parametrize("verb", ["status", "plan", "check", "--help"])
def test_a_reader_that_left_is_no_error(lived_in: House, verb: str) -> None:
    left = shell(lived_in, LEFT, verb, *(ON if verb in {"status", "plan"} else ()))
    assert (left.status, left.err) == (0, "")


@slow
def test_a_terminal_that_goes_away_ends_nothing(lived_in: House, database_url: str) -> None:
    """The live display writes to a terminal whose other end is closed in the middle of a migration."""
    waits = "do $$ begin while not exists (select from pg_class where relname = 'go') loop"
    lived_in.migration("002_two", f"{waits} perform pg_sleep(0.05); end loop; end $$;")
    lived_in.migration("003_three", "create table three ();")
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ctgitops", "apply", *ON],
        cwd=lived_in.root,
        env={**clean_environment(), **lived_in.secrets, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    until(lambda: runs(database_url, "pg_sleep"))
    os.close(ours)
    with session(database_url) as connection:
        connection.execute("create table go ()")
    assert process.wait(60) == 0
    assert marks(database_url)[1:] == ["002_two applied", "003_three applied"]


@slow
def test_sighup_stops_a_run_as_sigterm_does(lived_in: House, database_url: str) -> None:
    lived_in.migration("002_two", "create table two ();\nselect pg_sleep(60);")
    running = lived_in.start("apply", *ON)
    until(lambda: runs(database_url, "pg_sleep"))
    running.process.send_signal(signal.SIGHUP)
    done = running.ended(10)
    assert done.status == 6, done.said
    assert "002_two: the run was asked to stop (SIGINT, SIGTERM or SIGHUP)" in done.words
    assert marks(database_url) == ["001_one applied", "002_two interrupted"]


@slow
def test_sighup_is_ignored_where_the_caller_ignores_it(lived_in: House, database_url: str) -> None:
    """As nohup does."""
    lived_in.migration("002_two", "select pg_sleep(1);")
    running = lived_in.start("apply", *ON, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    until(lambda: runs(database_url, "pg_sleep"))
    running.process.send_signal(signal.SIGHUP)
    assert running.ended().status == 0
    assert marks(database_url)[-1] == "002_two applied"


@slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("CTGITOPS_STARTS", "6"))))
def test_ctrl_c_while_it_starts_is_quiet(lived_in: House, seed: int) -> None:
    """Seen to fail without the fix: a traceback of whichever import was interrupted."""
    chance = random.Random(seed)  # noqa: S311 - a moment, not a secret
    running = lived_in.start("apply", *ON)
    # Python's own start, before any line of ours runs, is not ours to make quiet
    until(lambda: _catches_sighup(running.process.pid))
    time.sleep(chance.uniform(0, 0.4))
    running.process.send_signal(chance.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
    done = running.ended(10)
    assert done.status in {0, 5, 6, INTERRUPTED}, done.said
    assert "Traceback" not in done.said
    assert "KeyboardInterrupt" not in done.said


def _catches_sighup(pid: int) -> bool:
    with open(f"/proc/{pid}/status", "rb") as status:  # noqa: PTH123
        caught = next(int(line.split()[1], 16) for line in status if line.startswith(b"SigCgt"))
    return bool(caught & 1 << signal.SIGHUP - 1)

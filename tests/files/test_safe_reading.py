from __future__ import annotations

import contextlib
import os
import pwd
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctgitops.files.workspace import read_workspace
from tests.files.checkout import Checkout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("SELECT 1;".encode("utf-16"), ":1:1: the file is UTF-16, not UTF-8 (save it as UTF-8)"),
        (b"\xfe\xff\x00S", ":1:1: the file is UTF-16, not UTF-8 (save it as UTF-8)"),
        (b"SELECT 1;\r\n--\xc3\xa9 \x00", ":2:5: the file is not text: byte 17 is 0x00 (if the file is a dump, "),
        (b"SELECT 1;\n-- caf\xe9\n", ":2:7: the file is not UTF-8: byte 17 is 0xe9 (save it as UTF-8)"),
        (b"PGDMP\x01\x0e\x00\x04\x08", ":1:8: the file is not text: byte 8 is 0x00 (if the file is a dump, "),
    ],
)
def test_what_is_not_utf8_text_is_named_with_its_byte(repo: Checkout, content: bytes, said: str) -> None:
    repo.write("migrations/001_a.sql", content)
    workspace = repo.read()
    assert workspace.migrations == ()
    (found,) = repo.lines()
    assert found.startswith(f"migrations/001_a.sql{said}")


def test_a_file_of_50_megabytes_is_refused_by_its_size_without_reading_it(repo: Checkout) -> None:
    with repo.write("migrations/001_a.sql").open("r+b") as file:
        file.truncate(50_000_000)
    assert repo.lines() == [
        "migrations/001_a.sql: the file has 50,000,000 bytes, but the limit is 10,000,000 (split the file, "
        "load data by other "
        "means, or raise `max_file_size` in migrations/policy.yaml)"
    ]


def test_the_policy_moves_the_limit(repo: Checkout) -> None:
    repo.write("migrations/001_a.sql", "--" + "x" * 2000)
    repo.write("migrations/policy.yaml", "header: optional\nmax_file_size: 1kB\n")
    assert "the limit is 1,000" in repo.lines()[0]


def test_a_link_to_the_processs_environment_is_never_read(repo: Checkout) -> None:
    (repo.root / "migrations/001_a.sql").symlink_to("/proc/self/environ")
    workspace = repo.read()
    assert workspace.migrations == ()
    assert repo.lines() == [
        "migrations/001_a.sql: `migrations/001_a.sql` is a symbolic link, which is not supported "
        "(replace the link with its target)"
    ]


def test_links_inside_the_repository_are_refused_too(repo: Checkout) -> None:
    repo.write("migrations/001_a.sql")
    (repo.root / "migrations/002_b.sql").symlink_to("001_a.sql")
    assert [p.code for p in repo.read().read_problems] == ["symlink"]


def test_a_migrations_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "001_a.sql").write_text("SELECT 1;")
    root = tmp_path / "root"
    root.mkdir()
    (root / "migrations").symlink_to(elsewhere)
    workspace = read_workspace(root)
    assert workspace.migrations == ()
    assert [(p.code, str(p.place)) for p in workspace.read_problems] == [("symlink", "migrations")]


def test_a_named_pipe_is_refused_without_waiting_for_its_writer(repo: Checkout) -> None:
    os.mkfifo(repo.root / "migrations/001_a.sql")
    assert repo.lines() == ["migrations/001_a.sql: the path is a named pipe, not a file (use a regular file)"]


def test_a_socket_is_refused(repo: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.root / "migrations")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("001_a.sql")
        assert ["the path is a socket" in said for said in repo.lines()] == [True]


def test_a_file_without_permission_is_a_problem(repo: Checkout) -> None:
    repo.write("migrations/001_a.sql").chmod(0)
    with reached_by_nobody(repo.root) as root:
        assert Checkout(root).lines() == [
            "migrations/001_a.sql: the file cannot be read: Permission denied (give this user permission to read it)"
        ]


@contextlib.contextmanager
def reached_by_nobody(root: Path) -> Iterator[Path]:
    """Root may read everything, so it becomes nobody for a while, in a folder that nobody may enter."""
    if os.geteuid() != 0:
        yield root
        return
    Checkout(root).lines()  # loads our own modules and schemas, which may lie where only root may enter
    with tempfile.TemporaryDirectory() as folder:
        moved = Path(folder) / "checkout"
        root.rename(moved)
        Path(folder).chmod(0o755)
        moved.chmod(0o755)
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
        try:
            yield moved
        finally:
            os.seteuid(0)


def test_a_name_that_cannot_be_printed_is_spelled_out(repo: Checkout) -> None:
    os.close(os.open(os.fsencode(repo.root / "migrations") + b"/001_\xff\n.sql", os.O_CREAT | os.O_WRONLY))
    assert repo.lines() == [
        "migrations/001_\\udcff\\n.sql: the name `001_\\udcff\\n.sql` contains non-printable characters (rename it)"
    ]

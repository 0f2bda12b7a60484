"""An unsound backup is refused with a clear error, and its files are removed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ctgitops.backup import store
from ctgitops.backup.pg_dump import Dump, pg_dump
from ctgitops.backup.proof import Contents, differences
from ctgitops.core.environment.environment import BackupPolicy, Environment
from ctgitops.errors import BackupError, UsageError
from ctgitops.postgres.catalog.exported_snapshot import exported_snapshot
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.watchdog import Watchdog
from tests.backup.scene import Scene
from tests.servers import clients_of, missing, programs_of, run

NOISY = "create table t as select n, md5(n::text) || md5((n + 1)::text) as a from generate_series(1, 20000) n"


def refused(scene: Scene, words: str) -> BackupError:
    """The refusal, after a look that nothing stays."""
    with pytest.raises(BackupError, match=words) as caught:
        scene.take()
    assert scene.left == []
    assert not list((scene.root / "backups").rglob("*.partial"))
    assert caught.value.state == "nothing was changed"
    return caught.value


def test_a_role_that_row_security_binds_cannot_back_up(quick: Scene) -> None:
    name = urlsplit(quick.url).path.strip("/")
    run(
        quick.url,
        f"""
        create role "reader_{name}" login; create table t (a int); insert into t values (1), (2);
        alter table t enable row level security; create policy p on t using (a = 1); grant select on t to public;
        """,
    )
    quick.url = quick.url.replace("postgres@", f"reader_{name}@")
    error = refused(quick, "row-level security")
    assert f'alter role "reader_{name}" bypassrls' in error.hint


def test_a_large_object_that_the_role_may_not_read_has_a_hint_of_its_own(quick: Scene) -> None:
    name = urlsplit(quick.url).path.strip("/")
    run(quick.url, f"create role \"reader_{name}\" login; select lo_from_bytea(0, 'abc')")
    quick.url = quick.url.replace("postgres@", f"reader_{name}@")
    assert "grant select on large object" in refused(quick, "large object").hint


def test_a_role_that_may_not_read_a_table_cannot_back_up(quick: Scene) -> None:
    name = urlsplit(quick.url).path.strip("/")
    run(quick.url, f'create role "reader_{name}" login; create table t (a int)')
    quick.url = quick.url.replace("postgres@", f"reader_{name}@")
    assert "pg_read_all_data" in refused(quick, "permission denied").hint


def test_a_dump_that_was_cut_short_is_found(quick: Scene) -> None:
    run(quick.url, NOISY)

    def cut(words: str) -> None:
        if words.startswith("restoring"):
            data = max((quick.partial / "dump").iterdir(), key=lambda path: path.stat().st_size)
            os.truncate(data, data.stat().st_size // 2)

    quick.meanwhile = cut
    # With gzip pg_restore sees it. With zstd (16.15) it restores half the rows and exits 0: only counting tells
    refused(quick, "pg_restore .* stopped|20,000 rows in the source, [0-9,]+ rows restored")


def test_a_dump_that_lost_a_table_is_found(quick: Scene, make_database: Callable[[], str]) -> None:
    # The dump of another database, whole in itself: only counting and comparing can tell
    run(quick.url, "create table t as select generate_series(1, 3) as a; create table u (a int)")
    other = Scene(quick.root / "other", make_database())
    other.verify_url = other.url
    run(other.url, "create table t as select generate_series(1, 2) as a")
    dump = Path(other.take().location) / "dump"

    def swap(words: str) -> None:
        if words.startswith("restoring"):
            (quick.partial / "dump").rename(quick.partial.parent.parent / "away")
            dump.rename(quick.partial / "dump")

    quick.meanwhile = swap
    with pytest.raises(BackupError) as caught:
        quick.take()
    assert "public.t: 3 rows in the source, 2 rows restored" in caught.value.what
    assert "public.u: 0 rows in the source, no such table restored" in caught.value.what
    assert "missing: column public.u.a: integer" in caught.value.what


def test_a_schema_that_cannot_be_restored_is_found_though_pg_dump_was_content(quick: Scene) -> None:
    # The function finds its table by the session's search_path, which pg_restore empties
    run(
        quick.url,
        """
        create table limits (most int); insert into limits values (10);
        create function fits(n int) returns boolean language plpgsql as
            $$begin return n <= (select max(most) from limits); end$$;
        create table t (n int check (fits(n))); insert into t values (5);
        """,
    )
    refused(quick, 'cannot be restored on .*relation "limits" does not exist')


def test_critical_tables_are_compared_by_what_is_in_them(quick: Scene) -> None:
    run(quick.url, "create table people as select 1 as t, 'Ada' as name; create table projects (a int)")
    quick.critical = ("public.people", "public.projects", "public.nowhere")
    receipt = quick.take()
    assert set(receipt.contents) == {"public.people", "public.projects"}
    assert receipt.notes == ("critical table public.nowhere does not exist yet",)
    run(quick.url, "update people set name = 'Eve'")
    assert quick.take().contents["public.people"] != receipt.contents["public.people"]


def test_as_many_rows_with_another_content_are_a_difference() -> None:
    source = Contents(15, {"public.people": 1}, {}, (), (), digests={"public.people": "1"})
    copy = Contents(15, {"public.people": 1}, {}, (), (), digests={"public.people": "2"})
    assert differences(source, copy) == ["public.people: same number of rows, but different contents"]
    assert differences(source, source) == []


def test_an_unreachable_database_is_a_backup_that_failed(quick: Scene) -> None:
    quick.url = "postgresql://somebody:hunter22@127.0.0.1:1/nowhere"
    error = refused(quick, "cannot connect to staging")
    assert "hunter22" not in error.what + error.hint


def test_a_verify_server_where_no_database_may_be_made_says_so(quick: Scene) -> None:
    name = urlsplit(quick.url).path.strip("/")
    run(quick.url, f'create role "small_{name}" login')
    quick.verify_url = quick.url.replace("postgres@", f"small_{name}@")
    assert "createdb" in refused(quick, "cannot create a throw-away database on the verify server").hint


def test_extensions_that_the_proof_lacks_come_with_a_way_out(quick: Scene) -> None:
    from ctgitops.backup.proof import ProofDatabase
    from ctgitops.backup.take import _what_helps

    place = ProofDatabase(Address(quick.url, ""), "x", "PostgreSQL 18", ())
    assert "backup.verify_server" in _what_helps('ERROR:  extension "postgis" is not available', place)


def test_without_a_policy_or_with_another_scheme_there_is_nothing_to_do(quick: Scene) -> None:
    with pytest.raises(UsageError, match="no `backup` in its manifest"):
        quick.backups.take(Environment("staging", "X"), quick.tell)
    with pytest.raises(BackupError, match="backups in ftp:// are not supported"):
        quick.backups.take(Environment("staging", "X", backup=BackupPolicy("ftp://bucket/x")), quick.tell)
    with pytest.raises(UsageError, match="backups in ftp:// are not supported"):
        quick.backups.restore("ftp://bucket/x/1/receipt.json", quick.url, quick.tell)


def test_a_folder_that_cannot_be_written_says_so(quick: Scene) -> None:
    (quick.root / "backups").write_text("a file")
    with pytest.raises(BackupError, match=r"cannot write to .*/backups: File exists"):
        quick.take()


def test_too_little_room_is_refused_before_anything_is_dumped(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"has .* free; a database of .* needs at least"):
        store.refuse_if_full(tmp_path, 10**18, store.SMALLEST_DUMP)
    store.refuse_if_full(tmp_path, 10**6, store.SMALLEST_COPY)


@pytest.fixture
def small_files() -> Iterator[None]:
    """A limit on the size of files, as a disk's end looks to a program."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_limit_while_dumping_leaves_nothing(quick: Scene) -> None:
    run(quick.url, NOISY)
    # A worker that a signal ends has no words; whether a worker or pg_dump itself meets the limit is chance
    hint = refused(quick, "could not dump").hint
    assert "free space" in hint or "limit" in hint


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, where we may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        raise missing("tiny-disk", "only root can mount a small disk, and not in every container")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_leaves_nothing_and_says_how_much_is_needed(quick: Scene, tiny_disk: Path) -> None:
    run(quick.url, NOISY.replace("20000", "200000"))
    quick.root = tiny_disk
    error = refused(quick, "No space left on device")
    assert "free space" in error.hint
    assert "MB" in error.hint


@pytest.mark.majors
def test_pg_dump_older_than_the_server_is_refused_in_its_own_words(tmp_path: Path) -> None:
    with LocalServer(programs_of(18)) as server:
        source = server.address()
        with exported_snapshot(source) as snapshot, Watchdog(tmp_path / "d.partial") as watchdog:
            dump = Dump(clients_of(15), source, tmp_path / "dump", 1)
            with pytest.raises(BackupError, match="server version mismatch") as caught:
                pg_dump(dump, snapshot, watchdog)
    assert "at least as new" in caught.value.hint


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_no_password_in_any_command_line_or_output(tmp_path: Path, tcp_server: LocalServer) -> None:
    tcp_server.create_database("with_password")
    scene = Scene(tmp_path, tcp_server.url("with_password"), verify_url=tcp_server.url())
    password = urlsplit(scene.url).password
    assert password
    run(scene.url, "create table t as select generate_series(1, 10) as a")
    seen = watch_command_lines(scene)
    receipt = scene.take()
    assert any("pg_dump" in line for line in seen), "the test did not look while pg_dump ran"
    assert not [line for line in seen if password in line]
    assert password not in " ".join(scene.said) + receipt.to_json()

    scene.url = scene.url.replace("with_password", "nowhere")
    assert password not in str(refused_text(scene))


def refused_text(scene: Scene) -> str:
    with pytest.raises(BackupError) as caught:
        scene.take()
    return f"{caught.value.what} {caught.value.hint} {caught.value!r}"


def watch_command_lines(scene: Scene) -> set[str]:
    """Every command line of this machine while pg_dump waits for a table that somebody holds for a moment."""
    import threading

    from tests.servers import fetch, session

    seen: set[str] = set()

    def hold(ready: threading.Event) -> None:
        with session(scene.url) as holder:
            holder.execute("begin")
            holder.execute("lock table t in access exclusive mode")
            ready.set()
            while len(fetch(scene.url, "select from pg_locks where not granted")) < 2:
                pass
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue

    def begin(words: str) -> None:
        if words.startswith("dumping"):
            ready = threading.Event()
            threading.Thread(target=hold, args=[ready]).start()
            assert ready.wait(10)

    scene.meanwhile = begin
    return seen

"""Messages of pg_restore: harmless ones are distinguished from data loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ctgitops.backup.child_process import Finished
from ctgitops.backup.pg_dump import words_of
from ctgitops.backup.pg_restore import Restoration, judged, pg_restore
from ctgitops.errors import BackupError
from ctgitops.postgres.connection.connect import Address
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import Programs, client_for
from ctgitops.postgres.server.watchdog import Watchdog
from tests.backup.scene import Scene
from tests.servers import clients_of, programs_of, run

NOISE = """\
pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"
Command was: SET transaction_timeout = 0;
"""
LOSS = """pg_restore: error: could not execute query: ERROR:  relation "t" already exists
Command was: CREATE TABLE public.t (
    a integer
);


"""
ADDRESS = Address("postgresql://u:hunter22@h/d", label="the copy")
RESTORATION = Restoration(Programs(Path("/bin"), 18, "18.6", None), ADDRESS, "d", Path("/d"), 2)


def counted(number: int) -> str:
    return f"pg_restore: warning: errors ignored on restore: {number}\n"


def test_a_newer_clients_setting_is_noise() -> None:
    complaints = judged(Finished(1, NOISE + counted(1)), RESTORATION)
    assert complaints.losses == ()
    assert "transaction_timeout" in complaints.harmless[0]


def test_jobs_may_name_more_than_is_counted_but_not_less() -> None:
    assert judged(Finished(1, NOISE * 4 + counted(2)), RESTORATION).losses == ()
    assert judged(Finished(1, NOISE + counted(2)), RESTORATION).losses == (
        "pg_restore counted 2 errors and reported 1",
    )


def test_jobs_that_write_at_once_do_not_make_noise_a_loss() -> None:
    mixed = NOISE.replace("pg_restore: error: ", "pg_restore: pg_restore: error: error: ", 1) + NOISE[25 - 6 :]
    assert judged(Finished(1, mixed + counted(2)), RESTORATION).losses == ()


@pytest.mark.parametrize("marks", ["pg_restore:", "pg_restore:error: error: ", "pg_restore:pg_restore: error: error:"])
def test_words_before_a_message_in_any_order_and_spacing_are_not_a_loss(marks: str) -> None:
    """Two sessions of pg_restore write at once."""
    said = NOISE + NOISE.replace("pg_restore: error: ", marks, 1) + counted(2)
    assert judged(Finished(1, said), RESTORATION).losses == ()


@pytest.mark.parametrize("said", [LOSS, NOISE + LOSS, LOSS + NOISE, NOISE + LOSS + NOISE])
def test_a_loss_among_noise_is_a_loss(said: str) -> None:
    [loss] = judged(Finished(1, said + counted(said.count("error:"))), RESTORATION).losses
    assert 'relation "t" already exists Command was: CREATE TABLE public.t' in loss


@pytest.mark.parametrize(
    "almost",
    [
        NOISE.replace("transaction_timeout", "search_path"),
        NOISE.replace("= 0;", "= 0; DROP TABLE t;"),
        NOISE.replace("ERROR:", "FATAL:"),
        "pg_restore: error: something new\n",
    ],
)
def test_what_is_not_known_word_for_word_is_loss(almost: str) -> None:
    assert judged(Finished(1, almost + counted(1)), RESTORATION).losses


@pytest.mark.parametrize(
    "finished",
    [
        Finished(1, NOISE + "pg_restore: error: could not read from input file: end of file\n"),
        Finished(1, ""),
        Finished(2, NOISE + counted(1)),
        Finished(-9, NOISE + counted(1)),
        Finished(127, "sh: pg_restore: not found"),
    ],
)
def test_an_end_before_its_time_is_no_restoration(finished: Finished) -> None:
    with pytest.raises(BackupError, match=r"pg_restore 18\.6 stopped"):
        judged(finished, RESTORATION)


def test_content_is_content() -> None:
    assert judged(Finished(0, ""), RESTORATION) == judged(Finished(0, "\n"), RESTORATION)


def test_words_say_why_and_no_secret() -> None:
    said = "pg_dump: last words\npg_dump: error: password hunter22 is wrong\npg_dump: detail: so it is\n"
    assert words_of(Finished(1, said), ADDRESS) == "pg_dump: error: password *** is wrong / pg_dump: detail: so it is"
    assert words_of(Finished(-25, ""), ADDRESS) == "killed by SIGXFSZ"
    assert words_of(Finished(3, ""), ADDRESS) == "exit status 3"


@pytest.mark.slow
def test_a_table_that_was_there_already_is_a_loss_for_real(quick: Scene, make_database: Callable[[], str]) -> None:
    run(quick.url, "create table t as select generate_series(1, 5) as a; create table u (a int)")
    receipt = quick.take()
    target = make_database()
    run(target, "create table t (a int, b int not null)")
    dump = Path(receipt.location) / "dump"
    client = client_for(int(receipt.client_version.split(".")[0]))
    address = Address(target, label="the copy")
    with Watchdog(quick.root / "guarded") as watchdog:
        database = target.split("/")[3].split("?")[0]
        complaints = pg_restore(Restoration(client, address, database, dump, 2), watchdog)
    assert any('relation "t" already exists' in loss for loss in complaints.losses)


@pytest.mark.majors
def test_a_newer_clients_noise_on_an_older_server_is_noted_and_nothing_else(tmp_path: Path) -> None:
    with LocalServer(programs_of(15)) as server:
        source, target = server.create_database("source"), server.create_database("target")
        run(source.url, "create table t as select generate_series(1, 5) as a; create index on t (a)")
        dump = dump_with(clients_of(18), source, tmp_path)
        restoration = Restoration(clients_of(18), target, "target", dump, 2)
        with Watchdog(tmp_path / "guarded") as watchdog:
            complaints = pg_restore(restoration, watchdog)
            assert complaints.losses == ()
            assert [("transaction_timeout" in one) for one in complaints.harmless] == [True]
            again = pg_restore(restoration, watchdog)
    assert any('relation "t" already exists' in loss for loss in again.losses)


def dump_with(client: Programs, source: Address, folder: Path) -> Path:
    from ctgitops.backup.pg_dump import Dump, pg_dump
    from ctgitops.postgres.catalog.exported_snapshot import exported_snapshot

    dump = folder / "dump"
    with exported_snapshot(source) as snapshot, Watchdog(folder / "guarded") as watchdog:
        pg_dump(Dump(client, source, dump, 2), snapshot, watchdog)
    return dump

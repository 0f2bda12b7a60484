"""A real streaming replica: back-off of a batched migration, and no apply on a standby."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import Programs
from ctgitops.postgres.server.watchdog import Watchdog
from tests.servers import base_for_servers, fetch, missing, programs_for_tests, run
from tests.stories.house import House, has, marks, until

pytestmark = pytest.mark.slow
REPLICATED = {"wal_level": "replica", "max_wal_senders": "5", "hot_standby": "on"}
FILL = """-- ctgitops: batch size=100 pause=50ms max_lag=1s
with batch as (select id from big where done is null order by id limit $1 for update skip locked)
update big set done = true from batch where big.id = batch.id;"""
ROWS = 6000


class Standby(LocalServer):
    """A hot standby of `primary`, made by pg_basebackup."""

    primary: LocalServer

    def _make_data(self, programs: Programs, watchdog: Watchdog) -> None:  # noqa: ARG002 - as the server's
        command = [str(self.programs.bin / "pg_basebackup"), "-R", "-c", "fast", "-D", str(self._data)]
        account = self._account
        done = subprocess.run(
            [*command, "-d", self.primary.url()],
            env={"PATH": "/usr/bin:/bin", **self.programs.environment},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        assert done.returncode == 0, done.stderr

    def url(self, database: str = "postgres", role: str = "") -> str:
        """It has the passwords of its primary."""
        return self.primary.url(database, role).replace(f":{self.primary._port}/", f":{self._port}/")


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[LocalServer, Standby]]:
    programs = programs_for_tests()
    if not (programs.bin / "pg_basebackup").exists():
        raise missing("replica", f"{programs.bin} has no pg_basebackup")
    with LocalServer(programs, settings=REPLICATED, listen="127.0.0.1", base=base_for_servers()) as primary:
        standby = Standby(programs, settings=REPLICATED, listen="127.0.0.1", base=base_for_servers())
        standby.primary = primary
        with standby:
            yield primary, standby


def test_a_batched_migration_waits_for_a_replica_that_does_not_keep_up(
    house: House, pair: tuple[LocalServer, Standby]
) -> None:
    """Seen to fail with a lag that is always 0: all was done while the replica stood still."""
    primary, standby = pair
    url = primary.create_database("throttled").url
    run(url, f"create table big (id int primary key, done boolean); insert into big select generate_series(1, {ROWS})")
    house.environment("staging", url)
    house.migration("001_fill", FILL)
    until(lambda: has(standby.url("throttled"), "big") if _is_there(standby, "throttled") else False)
    run(standby.url(), "select pg_wal_replay_pause()")
    try:
        running = house.start("apply", "--env", "staging")
        assert running.process.stderr is not None
        assert any("paused: a replica lags by" in line for line in running.process.stderr)
        assert fetch(url, f"select count(*) filter (where done) < {ROWS} from big") == [(True,)]
    finally:
        run(standby.url(), "select pg_wal_replay_resume()")
    done = running.ended()
    assert done.status == 0, done.said
    assert marks(url)[-1] == "001_fill applied"
    until(lambda: fetch(standby.url("throttled"), "select count(*) from big where done") == [(ROWS,)])


def test_a_standby_is_refused_and_what_to_do_is_said(house: House, pair: tuple[LocalServer, Standby]) -> None:
    primary, standby = pair
    url = primary.create_database("followed").url
    house.environment("staging", standby.url("followed"))
    house.migration("001_one", "create table one ();")
    until(lambda: _is_there(standby, "followed"))
    done = house.apply()
    assert done.status == 4, done.said
    assert "is read-only: a standby" in done.words
    assert "the URL of the primary" in done.words
    house.environment("staging", url)
    house.applied()
    until(lambda: has(standby.url("followed"), "one"))
    house.environment("staging", standby.url("followed"))
    assert house.run("status", "--env", "staging").status == 0
    assert house.plan().status == 0


def _is_there(standby: Standby, database: str) -> bool:
    return bool(fetch(standby.url(), f"select from pg_database where datname = '{database}'"))


def _hosts(pair: tuple[LocalServer, Standby], database: str, attrs: str) -> str:
    """Nothing listens on the first, the second is the standby, the third the primary."""
    primary, standby = pair
    hosts = f"127.0.0.1:1,127.0.0.1:{standby._port},127.0.0.1:{primary._port}"
    attrs = f"?target_session_attrs={attrs}" if attrs else ""
    return f"postgresql://{primary.superuser}:{primary._password}@{hosts}/{database}{attrs}"


@pytest.mark.parametrize(("attrs", "environ"), [("read-write", True), ("primary", False)])
def test_every_verb_finds_the_primary(
    house: House, pair: tuple[LocalServer, Standby], attrs: str, environ: bool
) -> None:
    """Seen to fail without the fix for all verbs that only read."""
    primary, _ = pair
    name = f"ha_{attrs.replace('-', '_')}_{environ}".lower()
    plain = primary.create_database(name).url
    until(lambda: _is_there(pair[1], name))
    house.environment(
        "staging",
        _hosts(pair, name, "" if environ else attrs),
        "backup: {to: backups, verify: restore}\nshadow: {extensions: []}\n",
    )
    if environ:
        house.secrets["PGTARGETSESSIONATTRS"] = attrs
    house.migration("001_one", "create table one (id int);", down="drop table one;")

    def works(*arguments: str) -> None:
        done = house.run(*arguments)
        assert done.status == 0, done.said

    on = ("--env", "staging")
    works("status", *on)
    planned = house.plan()
    assert (planned.status, "not tried" in planned.said) == (0, False), planned.said
    works("apply", *on)
    house.migration("002_two", "create table two (id int);", down="drop table two;")
    works("apply", *on)
    assert marks(plain) == ["001_one applied", "002_two applied"]
    if environ:
        return  # libpq reads the variable in one place, whoever connects
    for verb in ("verify", "drift", "snapshot", "unlock", "backup"):
        works(verb, *on)
    works("diff", "staging", "migrations")
    receipt = next((house.root / "backups").rglob("receipt.json"))
    primary.create_database(f"{name}_back")
    house.secrets["BACK"] = _hosts(pair, f"{name}_back", attrs)
    works("restore", str(receipt), "--into", "$BACK")
    works("rollback", *on, "--steps", "1")
    works("repair", "001", *on, "--not-applied", "--reason", "a test")
    assert marks(plain)[-1] == "001_one repaired"


@pytest.mark.parametrize("attrs", ["any", "standby", "read-only", "prefer-standby"])
def test_a_standby_can_be_asked_for_to_read_and_is_named_when_it_should_be_written(
    house: House, pair: tuple[LocalServer, Standby], attrs: str
) -> None:
    primary, standby = pair
    name = f"ro_{attrs.replace('-', '_')}"
    plain = primary.create_database(name).url
    house.environment("staging", plain)
    house.migration("001_one", "create table one (id int);")
    house.applied()
    house.migration("002_two", "create table two (id int);")
    until(lambda: _is_there(standby, name) and has(standby.url(name), "one"))
    house.environment("staging", _hosts(pair, name, attrs), "shadow: {extensions: []}\n")
    on = ("--env", "staging")
    assert house.run("status", *on).status == 0
    planned = house.plan()
    assert planned.status == 0, planned.said
    assert "not tried" not in planned.said
    assert house.run("drift", *on).status == 0
    refused = house.apply()
    assert refused.status == 4, refused.said
    assert "is read-only: a standby" in refused.words
    assert "the URL of the primary" in refused.words

"""The queries that observe a run work on every supported major."""

from __future__ import annotations

import pytest

from ctgitops.postgres.connection.connect import Address, connect
from ctgitops.postgres.lock.run_lock import RUN_LOCK
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.watch.observer import RunObserver
from tests.servers import base_for_servers, programs_of


@pytest.mark.majors
@pytest.mark.parametrize("major", [14, 15, 16, 17, 18])
def test_a_run_is_seen_on_each_major(major: int) -> None:
    with LocalServer(programs_of(major), base=base_for_servers()) as server:
        address = Address(server.url(), "a test")
        with connect(address, "ctgitops/lock") as lock, connect(address, "ctgitops/read") as reader:
            observer = RunObserver(reader)
            assert observer.look() is None
            lock.execute("select pg_advisory_lock(%s)", [RUN_LOCK])
            found = observer.look()
            assert found is not None
            assert (found.holder.pid, found.gauges, found.unseen) == (lock.info.backend_pid, (), ())

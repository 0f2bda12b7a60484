"""Unreviewed SQL in the sandbox that consumes resources: connections, notifications, rows, memory, files."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctgitops.errors import ApplyError, CtgitopsError
from ctgitops.postgres.connection.connect import connect
from ctgitops.postgres.server.limits import Limits
from ctgitops.postgres.shadow.sandbox import SandboxDatabases, sandbox_server
from ctgitops.postgres.shadow.sandbox_server import SandboxServer
from ctgitops.postgres.shadow.trial import NoObserver
from tests.security.test_hostile_sql import ORIGINAL, step
from tests.servers import fetch

MEGABYTE = 1 << 20
FLOOD = """-- ctgitops: no transaction
listen flood;
do $$ begin for i in 1..40000 loop perform pg_notify('flood', repeat('x', 7900) || i); end loop; end $$;
select 1;"""
ROWS = "select repeat('x', 1000000) from generate_series(1, 300);"
LINUX = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells it of a process")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxDatabases]:
    with sandbox_server(ORIGINAL) as made:
        yield made


@pytest.fixture
def ours(sandbox: SandboxDatabases) -> SandboxServer:
    assert isinstance(sandbox.server, SandboxServer)
    return sandbox.server


def forget_the_peak() -> None:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Bytes of this process that were in memory at most."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) << 10


def most_of(pid: int | str, name: str) -> str:
    """A limit that the operating system has for a process."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(name))
    return line[len(name) :].split()[0]


@LINUX
@pytest.mark.slow
@pytest.mark.parametrize("sql", [FLOOD, ROWS], ids=["notifications", "rows"])
def test_what_it_sends_us_does_not_stay_with_us(sandbox: SandboxDatabases, sql: str) -> None:
    """300 MB of each. Seen to fail without reading notifications away, and with the rows kept."""
    with sandbox.another() as shadow:
        shadow.apply((step("select 1"),))
        forget_the_peak()
        before = peak()
        shadow.apply((step(sql),))
        assert peak() - before < 100 * MEGABYTE


def test_who_takes_all_connections_gets_few_and_the_superuser_still_gets_in(sandbox: SandboxDatabases) -> None:
    """Seen to fail without `connection limit` for a role: it got seventeen."""
    address = sandbox.address(sandbox.named("shadow"))
    with contextlib.ExitStack() as taken:
        count = 0
        with pytest.raises(CtgitopsError, match="too many connections for role"):
            while count < 100:
                taken.enter_context(contextlib.closing(connect(address, "bomb")))
                count += 1
        assert count <= 8
        assert fetch(sandbox.server.url(), "select 1") == [(1,)]


def test_who_takes_its_own_limit_away_meets_that_of_the_server(sandbox: SandboxDatabases) -> None:
    """Before 16 a role that makes roles may change itself. Seen to fail without `max_connections`: it got fifty."""
    with sandbox.another() as shadow, contextlib.suppress(ApplyError):
        shadow.apply((step("alter role current_user connection limit -1"),))
    address = sandbox.address(sandbox.named("shadow"))
    with contextlib.ExitStack() as taken:
        count = 0
        with pytest.raises(CtgitopsError, match=r"too many|remaining connection slots"):
            while count < 50:
                taken.enter_context(contextlib.closing(connect(address, "bomb")))
                count += 1
        assert count <= 17
        assert fetch(sandbox.server.url(), "select 1") == [(1,)]


@LINUX
def test_every_process_of_it_has_its_limits(ours: SandboxServer) -> None:
    """Seen to fail with either `ulimit` left out."""
    limits = Limits()
    assert int(most_of(ours.process_id, "Max address space")) == limits.memory
    assert int(most_of(ours.process_id, "Max file size")) == limits.file


@pytest.mark.slow
def test_memory_that_it_may_ask_for_itself_it_does_not_get(sandbox: SandboxDatabases) -> None:
    """`work_mem` is everybody's to set. Seen to fail without the limit of address space: it got all of it."""
    greedy = "set work_mem = '2GB'; select count(*) from (select generate_series(1, 12000000) a order by a desc) b;"
    with sandbox_server(ORIGINAL, limits=Limits(memory=320 * MEGABYTE)) as small:
        shadow = small.shadow(small.named("shadow"), NoObserver())
        with pytest.raises(ApplyError, match="out of memory"):
            shadow.apply((step(greedy),))
    with sandbox.another() as shadow:
        shadow.apply((step(greedy),))

"""The faults and the moment of each: a progress event of the run, a state of the server, or a random time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults import worse
from tests.faults.proxy import Proxy
from tests.faults.scene import Scene, Undisturbed, Watched
from tests.servers import fetch, session

Moment = Callable[[Scene, Watched], bool]
"""Waits for it; False where the run ended before."""
Fault = Callable[[Scene, Watched, Proxy | None], None]


@dataclass(frozen=True)
class When:
    """A moment and how it is called."""

    name: str
    comes: Moment


def at_line(number: int) -> When:
    """When the run has said so many lines."""
    return When(f"line {number}", lambda _, watched: watched.said_line(number))


def after(seconds: float) -> When:
    """So long after the server first saw the run."""

    def comes(scene: Scene, watched: Watched) -> bool:
        return _seen(scene, watched, "select from pg_stat_activity where application_name = 'ctgitops/lock'") and (
            watched.waited(seconds)
        )

    return When(f"{seconds:.3f} s", comes)


def while_it_runs(text: str) -> When:
    """While a backend of the run carries out something with `text` in it."""
    query = f"""select from pg_stat_activity where datname = current_database() and state = 'active'
                and application_name ~ '^ctgitops/(apply|[0-9]+)$' and query ilike '%{text}%'"""
    return When(f"while it runs {text}", lambda scene, watched: _seen(scene, watched, query))


def _seen(scene: Scene, watched: Watched, query: str) -> bool:
    with session(scene.url) as looking:
        while watched.running.process.poll() is None:
            if looking.execute(query.encode()).fetchone() is not None:
                return True
            time.sleep(0.001)
    return False


def any_moment(scene: Scene, undisturbed: Undisturbed) -> When:
    """One that chance chooses."""
    states = ["concurrently", "pg_sleep", "update big", "create table t", "comment on table"]
    kind = scene.chance.randrange(4)
    if kind == 0:
        return at_line(scene.chance.randint(1, undisturbed.lines))
    if kind == 1:
        return while_it_runs(scene.chance.choice(states))
    return after(scene.chance.uniform(0, undisturbed.seconds / 2))


def _kill(_: Scene, watched: Watched, __: Proxy | None) -> None:
    watched.running.kill()


def _terminate(_: Scene, watched: Watched, __: Proxy | None) -> None:
    watched.running.terminate()


def _terminate_twice(scene: Scene, watched: Watched, _: Proxy | None) -> None:
    for pause in (scene.chance.uniform(0, 0.1), scene.chance.uniform(0, 0.1)):
        if watched.running.process.poll() is None:
            watched.running.terminate()
            time.sleep(pause)


def _ctrl_c(_: Scene, watched: Watched, __: Proxy | None) -> None:
    if watched.running.process.poll() is None:
        watched.running.ctrl_c()


def _end_backends(names: str) -> Fault:
    query = f"""select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
                and application_name ~ '{names}' and pid <> pg_backend_pid()"""

    def fault(scene: Scene, _: Watched, __: Proxy | None) -> None:
        fetch(scene.url, query)

    return fault


def _crash(scene: Scene, _: Watched, __: Proxy | None) -> None:
    scene.server.crash()


def _cut(_: Scene, __: Watched, proxy: Proxy | None) -> None:
    assert proxy
    proxy.cut()


def _cut_in_a_message(scene: Scene, _: Watched, proxy: Proxy | None) -> None:
    assert proxy
    proxy.cut_after(scene.chance.randint(1, 4000))


def _stall(scene: Scene, watched: Watched, proxy: Proxy | None) -> None:
    assert proxy
    proxy.stall()
    watched.waited(scene.chance.uniform(0.1, 3))
    proxy.go_on()


def _stall_and_cut(scene: Scene, watched: Watched, proxy: Proxy | None) -> None:
    assert proxy
    proxy.stall()
    watched.waited(scene.chance.uniform(0.1, 2))
    proxy.cut()


def _stall_and_kill(scene: Scene, watched: Watched, proxy: Proxy | None) -> None:
    """The worst of all for the next run: its predecessor is gone, and the server does not know."""
    assert proxy
    proxy.stall()
    watched.waited(scene.chance.uniform(0, 0.5))
    watched.running.kill()


FAULTS: dict[str, Fault] = {
    "kill -9": _kill,
    "SIGTERM": _terminate,
    "SIGTERM twice": _terminate_twice,
    "Ctrl-C": _ctrl_c,
    "the lock's backend is terminated": _end_backends("^ctgitops/lock$"),
    "the working backend is terminated": _end_backends("^ctgitops/(apply|seed|[0-9]+)$"),
    "every backend is terminated": _end_backends("^ctgitops/"),
    "the server restarts in immediate mode": _crash,
    "Ctrl-C and then kill -9": worse.asked_and_then_killed,
    "it sleeps, loses its lock, and wakes up": worse.slept_while_another_ran,
    "the server turns read-only": worse.read_only,
    "the password is changed": worse.another_password,
    "no connection is left": worse.no_connection_left,
}
FAULTS_OF_THE_NETWORK: dict[str, Fault] = {
    "the network is cut": _cut,
    "the network is cut in a message": _cut_in_a_message,
    "the network stalls and goes on": _stall,
    "the network stalls and is cut": _stall_and_cut,
    "the network stalls and the run is killed": _stall_and_kill,
    "an answer is lost": worse.answer_lost,
}

"""A step cancelled as the runner does it: signals to `docker run`, which forwards them, and finally SIGKILL."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.servers import fetch, run

from .conftest import Scene
from .test_stories import applied, until

pytestmark = [pytest.mark.docker, pytest.mark.github]
SLOW = "select pg_sleep(case when to_regclass('public.quick') is null then 90 else 0 end);"
SLEEPING = """select count(*) from pg_stat_activity
              where state = 'active' and query like '%cables%pg_sleep%' and pid <> pg_backend_pid()"""


def begun(scene: Scene, staging: str) -> tuple[str, subprocess.Popen[str], str, list[str]]:
    """A push whose second migration runs now: its commit, the step, the container's name, the migrations."""
    scene.environments(staging=staging)
    names = [scene.migration(1, "create table projects (id int primary key);", name="projects")]
    names.append(scene.migration(2, f"create table cables (id int primary key); {SLOW}", name="cables"))
    sha = scene.commit("main")
    process, files = scene.runner.start("push", scene.push_event(sha), ref="refs/heads/main", sha=sha)
    until(lambda: fetch(staging, SLEEPING) == [(1,)])
    return sha, process, files.name, names


def goes_on(scene: Scene, staging: str, sha: str, names: list[str]) -> None:
    """The next run brings what is missing."""
    assert applied(staging) == names[:1]
    assert fetch(staging, "select to_regclass('public.cables')") == [(None,)]
    run(staging, "create table quick ()")
    again = scene.push(sha)
    assert again.status == 0, again.log
    assert applied(staging) == names


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_to_docker_run_ends_the_statement(scene: Scene, two_urls: tuple[str, str], sign: int) -> None:
    staging = two_urls[0]
    sha, process, name, names = begun(scene, staging)
    process.send_signal(sign)
    ran = scene.runner.ended(process, scene.runner.home / name)
    assert ran.status == 6, ran.log
    assert fetch(staging, SLEEPING) == [(0,)], "it is cancelled on the server, not only forgotten"
    assert scene.deployments(sha, "staging") == ["failure"]
    assert ran.left == ()
    goes_on(scene, staging, sha, names)


def test_after_a_killed_container_the_next_run_finds_out_what_is_true(scene: Scene, two_urls: tuple[str, str]) -> None:
    staging = two_urls[0]
    sha, process, name, names = begun(scene, staging)
    scene.runner.stop(scene.runner.home / name, "KILL")
    ran = scene.runner.ended(process, scene.runner.home / name)
    assert ran.status == 137
    goes_on(scene, staging, sha, names)

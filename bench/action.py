"""Measures the Action from `docker run` to the posted plan of 10 pending migrations: the median of several runs.

    make image; python -m bench.action [--count 10] [--rounds 7] [--image ctgitops:dev]

The image runs as GitHub's runner runs it: a pull request, a comment and a check run, on the test GitHub at
GITHUB_API_URL. Each round opens a new pull request, so that each writes a comment.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path

from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import server_for
from tests.docker.conftest import Scene
from tests.docker.front import Front
from tests.docker.runner import Runner
from tests.github.live import Live, access_for_tests
from tests.stories.house import House

GOAL = 8.0


def main() -> None:
    """Measures and prints."""
    options = _options()
    if not os.environ.get("GITHUB_API_URL"):
        raise SystemExit("set GITHUB_API_URL to the API of a GitHub to test against")
    access = access_for_tests()
    name = f"bench-{uuid.uuid4().hex[:12]}"
    live = Live(replace(access, repository=f"{access.repository.partition('/')[0]}/{name}"))
    live.send("POST", "/user/repos", {"name": name, "auto_init": True})
    with (
        tempfile.TemporaryDirectory() as folder,
        Front(access.api_url).listening() as front,
        LocalServer(server_for(), listen="127.0.0.1") as server,
    ):
        workspace = Path(folder, "workspace")
        workspace.mkdir()
        runner = Runner(options.image, Path(folder), workspace, front.url, live.access.repository, token=access.token)
        scene = Scene(House(workspace), live, front, runner)
        scene.environments(staging=server.create_database("staging").url)
        scene.commit("main")
        whole = [_posted(scene, round_, options.count) for round_ in range(options.rounds + 1)][1:]
    empty = [_started(options.image) for _ in range(options.rounds + 1)][1:]
    print(f"{options.count} pending migrations, {options.rounds} runs after a warm-up, median (fastest to slowest)")
    print(f"  docker run with `--version`                     {_row(empty)}")
    print(f"  docker run with a plan, until the container ends{_row(whole)}")
    print(f"  goal {GOAL:g} s: {'met' if statistics.median(whole) < GOAL else 'MISSED'}")


def _posted(scene: Scene, round_: int, count: int) -> float:
    """Opens a pull request and plans it; returns the seconds until the container exits."""
    branch = f"round-{round_}"
    scene.branch(branch)
    for number in range(1, count + 1):
        table = f"table_{number}"
        up = f"create table {table} (id int primary key); -- {branch}"
        scene.migration(number, up, f"drop table {table};", name=table)
    scene.commit(branch)
    number = scene.pull_request(branch)
    payload = scene.pull_request_event("opened", number, scene.tip(branch))
    begin = time.perf_counter()
    process, files = scene.runner.start("pull_request", payload, ref=f"refs/pull/{number}/merge", sha=scene.tip(branch))
    log, _ = process.communicate()
    taken = time.perf_counter() - begin
    ran = scene.runner.ran(process.returncode, log, files)
    if ran.status or ran.outputs["pending"] != str(count) or len(scene.ours(number)) != 1:
        raise SystemExit(f"no plan was posted:\n{ran.log}")
    scene.live.call("PATCH", f"/pulls/{number}", {"state": "closed"})
    return taken


def _started(image: str) -> float:
    """Seconds that the image takes for `--version`."""
    entry = ["/opt/ctgitops/bin/python", "-I", "-m", "ctgitops", "--version"]
    begin = time.perf_counter()
    command = ["docker", "run", "--rm", "--network=host", "--entrypoint", entry[0], image, *entry[1:]]
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def _row(times: list[float]) -> str:
    return f"{statistics.median(times):6.2f} s ({min(times):.2f} to {max(times):.2f})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--image", default="ctgitops:dev")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""What the image contains, and what it must not contain."""

from __future__ import annotations

import json
import runpy
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]
ASK = """
import json
from ctgitops.postgres.server.programs import find_programs
print(json.dumps([[p.major, p.has_server, p.has_clients, p.tls, list(p.lacks(['postgis', 'postgis_raster', 'vector']))]
                  for p in find_programs()]))
"""


def in_image(image: str, *command: str, mount: Path | None = None) -> subprocess.CompletedProcess[str]:
    given = ["-v", f"{mount}:/github/workspace", "--workdir", "/github/workspace"] if mount else []
    name = f"ctgitops_image_{abs(hash((image, command, mount)))}"
    run = ["docker", "run", "--name", name, "--network=none", *given, "--entrypoint", command[0], image, *command[1:]]
    try:
        return subprocess.run(run, capture_output=True, text=True, check=False, timeout=100)
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)


def programs(image: str) -> dict[int, list[object]]:
    found = json.loads(in_image(image, "/opt/ctgitops/bin/python", "-I", "-c", ASK).stdout)
    return {major: rest for major, *rest in found}


def test_it_has_servers_and_clients_of_every_major(image: str) -> None:
    found = programs(image)
    assert sorted(found) == [14, 15, 16, 17, 18]
    assert all(server and clients and tls for server, clients, tls, _ in found.values())
    assert found[17][3] == []


def test_the_slim_one_has_clients_alone(image: str) -> None:
    assert image
    found = programs("ctgitops:slim")
    assert {major: (server, clients) for major, (server, clients, *_) in found.items()} == {
        17: (False, True),
        18: (False, True),
    }


@pytest.mark.parametrize("major", [14, 15, 16, 17, 18])
def test_each_server_starts_under_an_account_of_its_own_with_what_the_image_brings(image: str, major: int) -> None:
    script = f"""
import pwd, os
from ctgitops.postgres.server.programs import find_programs
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.connection.connect import connect
(programs,) = [p for p in find_programs() if p.major == {major}]
with LocalServer(programs) as server, connect(server.address(), "test") as connection:
    print(connection.execute("show server_version_num").fetchone()[0][:2])
    print(os.stat(f"/proc/{{server.process_id}}").st_uid)
print(len(os.listdir(os.path.expanduser("~/.cache/ctgitops"))))
"""
    ran = in_image(image, "/opt/ctgitops/bin/python", "-I", "-c", script)
    number, uid, kept = ran.stdout.split()  # who runs initdb keeps what it made
    assert (number, uid != "0", kept) == (str(major), True, "0"), ran.stderr


def test_nothing_that_builds_is_left(image: str) -> None:
    for tool in ("pip", "pip3", "gcc", "cc", "make", "git", "curl"):
        assert in_image(image, "/bin/sh", "-c", f"command -v {tool}").stdout == ""
    assert in_image(image, "/opt/ctgitops/bin/python", "-c", "import pip").returncode == 1


def test_no_module_of_the_checkout_is_imported(image: str, tmp_path: Path) -> None:
    for name in ("click", "json", "ctgitops", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("print('mine'); raise SystemExit(0)")
    entry = subprocess.run(
        ["docker", "image", "inspect", "-f", "{{json .Config.Entrypoint}}", image],
        capture_output=True,
        text=True,
        check=True,
    )
    ran = in_image(image, *json.loads(entry.stdout), mount=tmp_path)
    assert "mine" not in ran.stdout + ran.stderr
    assert "GITHUB_EVENT_PATH" in ran.stdout + ran.stderr
    assert ran.returncode == 2


def test_the_page_names_every_part_that_is_weighed() -> None:
    page = (ROOT / "docs" / "container.md").read_text(encoding="utf-8")
    parts = runpy.run_path(str(ROOT / "docker" / "contents.py"))["PARTS"]
    assert [part for part in parts if f"| {part} |" not in page] == []

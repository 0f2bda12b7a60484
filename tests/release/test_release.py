"""release.yml, run twice: the second time after a failure at each of its steps."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.github.live import Live, access_for_tests, numbers
from tests.release.runner import ROOT, Step, StoppedError
from tests.release.world import World

VERSION = "0.2.0"


def new_world(folder: Path) -> World:
    world = World(folder)
    world.make()
    return world


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A repository whose version 0.1.9 is released."""
    made = new_world(tmp_path_factory.mktemp("released"))
    source = made.commit("0.1.9")
    made.run("0.1.9").go()
    made.check_released("0.1.9", source)
    return made


@pytest.fixture
def world(released: World, tmp_path: Path) -> World:
    """A repository whose version 0.1.9 is released, and 0.2.0 is next."""
    return released.copy(tmp_path / "world")


def check_finished(world: World, source: str) -> None:
    world.check_released(VERSION, source)
    assert world.tags()["v0"] == world.tags()["v0.2"] == world.tags()[f"v{VERSION}"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_release_that_stopped_at_any_step_is_finished_by_a_new_run(tmp_path: Path, moment: str) -> None:
    world = new_world(tmp_path / "whole")
    source = world.commit(VERSION)
    stopped: dict[str, World] = {}
    run = world.run(VERSION)
    setattr(run, moment, lambda step: stopped.update({step.key: world.copy(tmp_path / step.key.replace("/", "-"))}))
    run.go()
    check_finished(world, source)
    assert len(stopped) > 30
    for each in stopped.values():
        each.check_history()
        each.run(VERSION).go()
        check_finished(each, source)


class LostError(StoppedError):
    """The runner was lost, and no step failed."""


class StopOnce:
    """Stops at each step once."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __call__(self, step: Step) -> None:
        if step.key not in self.seen:
            self.seen.add(step.key)
            raise LostError


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_release_whose_failed_jobs_are_run_again_after_every_step_is_finished(tmp_path: Path, moment: str) -> None:
    world = new_world(tmp_path)
    source = world.commit(VERSION)
    run = world.run(VERSION)
    stop = StopOnce()
    setattr(run, moment, stop)
    for _ in range(99):
        with contextlib.suppress(LostError):
            run.go()
            break
        world.check_history()
    assert len(stop.seen) > 30
    check_finished(world, source)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_release_goes_on_from_the_commit_that_it_was_built_from(tmp_path: Path) -> None:
    """Every run stops one step later than the last, and main has one more commit each time."""
    world = new_world(tmp_path)
    stop = StopOnce()
    named = ""
    for _ in range(99):
        latest = world.commit(VERSION)
        run = world.run(VERSION)
        run.after = stop
        with contextlib.suppress(LostError):
            run.go()
            break
        if not named and list((world.folder / "names").iterdir()):
            named = latest
    assert named != latest
    check_finished(world, named)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        "gh!view",
        "gh:create",
        "gh!create",
        "docker:create",
        "docker!create",
        "docker:inspect",
        "docker!inspect",
        "docker!pull",
        "pip!download",
    ],
)
def test_an_answer_502_leaves_what_the_next_run_finishes(world: World, fault: str) -> None:
    source = world.commit(VERSION)
    with pytest.raises(StoppedError, match="502"):
        world.run(VERSION, fault).go()
    world.run(VERSION).go()
    world.check_released(VERSION, source)


@pytest.mark.slow
@pytest.mark.parametrize("refused", [f"refs/tags/v{VERSION}", "refs/tags/v0.2", "refs/tags/v0"])
def test_a_push_that_the_server_refuses_is_made_by_the_next_run(world: World, refused: str) -> None:
    source = world.commit(VERSION)
    hook = world.bare / "hooks/update"
    hook.write_text(f'#!/bin/sh\n[ "$1" != {refused} ] || {{ echo "HTTP 502" >&2; exit 1; }}\n')
    hook.chmod(0o755)
    with pytest.raises(StoppedError):
        world.run(VERSION).go()
    hook.unlink()
    world.run(VERSION).go()
    world.check_released(VERSION, source)
    assert world.tags()["v0"] == world.tags()[f"v{VERSION}"]


@pytest.mark.slow
def test_an_upload_that_stopped_after_the_first_file_is_finished(world: World) -> None:
    source = world.commit(VERSION)
    world.faulty_upload = 1
    with pytest.raises(StoppedError, match="503"):
        world.run(VERSION).go()
    assert len(list((world.folder / "pypi").glob(f"ctgitops-{VERSION}*"))) == 1
    assert f"v{VERSION}" not in [file.name for file in (world.folder / "releases").iterdir()]
    world.run(VERSION).go()
    world.check_released(VERSION, source)


@pytest.mark.slow
def test_another_file_on_pypi_stops_the_release(world: World) -> None:
    world.commit(VERSION)
    (world.folder / "pypi" / f"ctgitops-{VERSION}-py3-none-any.whl").write_text("of someone else")
    with pytest.raises(StoppedError, match="DO NOT MATCH"):
        world.run(VERSION).go()
    assert world.tags()["v0"] == world.tags()["v0.1.9"]


@pytest.mark.slow
def test_an_image_that_is_not_public_stops_before_the_tag(world: World) -> None:
    source = world.commit(VERSION)
    (world.folder / "public").unlink()
    with pytest.raises(StoppedError, match="Change visibility > Public"):
        world.run(VERSION).go()
    assert f"v{VERSION}" not in world.tags()
    assert world.tags()["v0"] == world.tags()["v0.1.9"]
    world.publish_package()
    world.run(VERSION).go()
    world.check_released(VERSION, source)


@pytest.mark.slow
def test_an_older_version_moves_only_its_own_tag(world: World) -> None:
    world.commit(VERSION)
    world.run(VERSION).go()
    world.run(VERSION).go()
    patch = world.commit("0.1.10")
    world.run("0.1.10").go()
    world.check_released("0.1.10", patch)
    assert world.tags()["v0"] == world.tags()[f"v{VERSION}"]
    assert world.tags()["v0.1"] == world.tags()["v0.1.10"]
    assert "--latest=false" in (world.folder / "releases/v0.1.10").read_text()
    world.run("0.1.9").go()
    world.check_released("0.1.10", patch)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "asked", "changes", "said"),
    [
        ("0.2.0", "0.2.0", "", "has no text under one heading"),
        ("0.2.0", "0.2.0", "### Fixed", "has no text under one heading"),
        ("0.2.0", "0.2.1", "- A", "has version 0.2.0, not 0.2.1"),
        ("1.0.0", "1.0.0", "- A", "only 0.x is released"),
        ("0.2", "0.2", "- A", "is not a version such as 0.2.3"),
        ("0.1.8", "0.1.8", "- A", "0.1.9 is released already"),
    ],
)
def test_what_cannot_be_released_stops_before_anything_is_built(
    world: World, version: str, asked: str, changes: str, said: str
) -> None:
    world.commit(version, changes)
    before = world.tags(), sorted((world.folder / "manifests").iterdir())
    with pytest.raises(StoppedError, match=said):
        world.run(asked).go()
    assert (world.tags(), sorted((world.folder / "manifests").iterdir())) == before


@pytest.mark.slow
def test_a_tag_pushed_by_hand_is_undone(world: World) -> None:
    released = world.tags()
    new = world.commit(VERSION)
    world.git("tag", "--annotate", "--message", "a", "annotated")
    annotated = world.git("rev-parse", "annotated")
    pushes = [("v0", released["v0"], new, new), ("v9.9.9", "0" * 40, new, new)]
    pushes += [("v9.9.8", "0" * 40, annotated, after) for after in (annotated, new)]
    for name, before, pushed, after in pushes:
        world.git("push", "--quiet", "--force", "origin", f"{pushed}:refs/tags/{name}")
        environ = world.run(VERSION).environ
        command = [sys.executable, ".ci/release.py", "restore", f"refs/tags/{name}", before, after]
        done = subprocess.run(command, cwd=world.work, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "was pushed by hand, and is" in done.stderr
        assert world.tags() == released


def test_the_undoing_never_runs_the_script_of_the_tagged_commit() -> None:
    assert "ref: main" in (ROOT / ".github/workflows/tag.yml").read_text(encoding="utf-8")


@pytest.mark.github
@pytest.mark.parametrize("fault", ["gh:create", "gh!create", "gh!view"])
def test_a_github_has_one_release_with_its_notes_after_a_502(tmp_path: Path, fault: str) -> None:
    live = Live(access_for_tests())
    version = f"0.7.{next(numbers)}"
    world = new_world(tmp_path)
    world.commit(version)
    releases = {"RELEASES": f"{live.access.api_url}/repos/{live.access.repository}/releases"}
    releases["RELEASES_TOKEN"] = live.access.token
    failing, again = world.run(version, fault), world.run(version)
    for run in (failing, again):
        run.environ |= releases
    with pytest.raises(StoppedError, match="502"):
        failing.go()
    again.go()
    mine = [each for each in live.call("GET", "/releases?per_page=100") if each["tag_name"] == f"v{version}"]
    assert [(each["draft"], each["body"]) for each in mine] == [(False, "- A table has a name.")]
    assert live.violations() == []

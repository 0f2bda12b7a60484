"""Attacks on a GitOps tool on GitHub, by the rows of docs/security.md that no other test covers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from ctgitops.postgres.server.local_server import LocalServer
from tests.report.test_hostile import harmless
from tests.servers import fetch
from tests.stories.house import forms_of
from tests.test_action_forge import Scene, opened, push, scene

__all__ = ["scene"]

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SECRET = "hunter2-and-more"
HOSTILE = "@octocat #1 </code><img src=x> [l](https://evil.example) ::error::x ##[error]y"


def told(scene: Scene, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Every sink of a run, but for the lines that tell the runner what to mask."""
    captured = capsys.readouterr()
    log = "\n".join(line for line in (captured.out + captured.err).splitlines() if "::add-mask::" not in line)
    return {
        "comment": "\n".join(comment.body for comment in scene.forge.comments),
        "check": "\n".join(check.summary + "".join(check.texts) for check in scene.forge.checks),
        "annotations": "\n".join(str(check.annotations) for check in scene.forge.checks),
        "deployment": str(scene.forge.ends),
        "log": log,
        "summary": scene.summary,
        "outputs": (scene.files / "output").read_text() if (scene.files / "output").exists() else "",
        "json": "".join(file.read_text() for file in scene.house.root.glob("*.json")),
    }


def test_row_01_no_event_of_a_stranger_is_privileged(scene: Scene) -> None:
    for command in ("auto", "apply"):
        assert scene.run("pull_request_target", opened(), command=command, environment="staging") == 2
    assert scene.run("pull_request", opened(), command="apply", environment="staging") == 2
    assert scene.tables("staging") == 0
    for file in WORKFLOWS:
        assert "pull_request_target" not in triggers(file)


def test_row_02_a_plan_runs_nothing_of_a_file_on_a_real_database(scene: Scene) -> None:
    scene.house.migration("002_evil", "copy (select 1) to program 'touch /tmp/owned'; create table owned ();")
    assert scene.run("pull_request", opened()) == 0
    assert scene.tables("staging") == 0


def test_row_03_and_04_hostile_text_is_text_in_every_sink(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.house.migration("002_evil", f"-- {HOSTILE}\ndo $$ begin raise exception '{HOSTILE}'; end $$;")
    assert scene.run("pull_request", opened()) == 0
    assert scene.run("push", push()) == 6
    sinks = told(scene, capsys)
    assert "octocat" in sinks["comment"]
    for comment in scene.forge.comments:
        harmless(as_at_home(comment.body))
    for check in scene.forge.checks:
        harmless(as_at_home(check.summary))
    harmless(as_at_home(sinks["summary"]))
    starts = [line for line in sinks["log"].splitlines() if re.match(r"\s*::(?:error|stop|set|add)", line)]
    assert [line for line in starts if "::x" in line and not line.startswith("::error file=migrations/")] == []
    assert "##[error]" not in sinks["log"]


def as_at_home(page: str) -> str:
    """Our own links, as those that the oracle knows."""
    return re.sub(r"/runs/\d+", "/runs/1", page.replace("https://github.example", "https://github.com"))


def test_row_08_a_wrong_password_is_in_no_sink(
    scene: Scene, tcp_server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server is real, and refuses."""
    place = tcp_server.create_database("row_08").url.split("@", maxsplit=1)[1]
    url = f"postgresql://postgres:{SECRET}%2Fof%40us@{place}"
    scene.house.secrets["STAGING_DATABASE_URL"] = url
    scene.run("pull_request", opened())
    assert scene.run("push", push()) == 4
    sinks = told(scene, capsys)
    assert "password authentication failed" in sinks["summary"]
    for form in {*forms_of(url), SECRET}:
        assert [name for name, text in sinks.items() if form in text] == []


def test_row_08_a_password_in_sql_is_in_no_sink(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.house.migration("002_role", f"create role postgres login password '{SECRET}';")
    assert scene.run("pull_request", opened()) == 0
    assert scene.run("push", push()) == 6
    sinks = told(scene, capsys)
    assert "password '***'" in sinks["comment"]
    assert [name for name, text in sinks.items() if SECRET in text] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=[file.stem for file in WORKFLOWS])
def test_row_09_a_workflow_has_no_permission_that_a_job_does_not_name(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert "permissions" in job, name
        assert job["permissions"] not in ("write-all", "read-all")


def test_row_15_nothing_is_run_by_a_shell() -> None:
    for file in (ROOT / "ctgitops").rglob("*.py"):
        assert not re.search(r"shell\s*=\s*True|os\.system|os\.popen|\beval\(|\bexec\(", file.read_text()), file


@pytest.mark.parametrize("file", WORKFLOWS, ids=[file.stem for file in WORKFLOWS])
def test_row_16_an_action_is_named_by_its_commit(file: Path) -> None:
    used = [step["uses"] for job in yaml.safe_load(file.read_text())["jobs"].values() for step in job.get("steps", ())
            if "uses" in step]  # fmt: skip
    assert [name for name in used if name != "./" and not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []


def test_row_18_no_address_of_a_payload_is_asked(scene: Scene) -> None:
    payload = _everywhere(opened(), "http://127.0.0.1:9/evil")
    assert scene.run("pull_request", payload) == 0
    assert all("127.0.0.1:9" not in comment.body for comment in scene.forge.comments)


def _everywhere(value: Any, url: str) -> Any:
    """The payload with every URL in it changed."""
    if isinstance(value, dict):
        return {key: _everywhere(inner, url) for key, inner in value.items()}
    if isinstance(value, list):
        return [_everywhere(inner, url) for inner in value]
    return url if isinstance(value, str) and value.startswith("http") else value


def test_row_19_what_a_server_says_at_length_is_cut(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.house.migration("002_long", "do $$ begin raise exception '%', repeat('long words ', 500000); end $$;")
    assert scene.run("push", push()) == 6
    sinks = told(scene, capsys)
    assert len(sinks["summary"].encode()) < 1 << 20
    assert all(len(comment.body) <= 65_536 for comment in scene.forge.comments)
    assert {name: len(text) for name, text in sinks.items() if len(text) > 100_000} == {}
    url = scene.house.secrets["STAGING_DATABASE_URL"]
    assert fetch(url, "select max(length(error)) < 20000 from ctgitops.ledger") == [(True,)]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_row_20_every_dependency_is_locked_with_hashes(name: str) -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / name).read_text())
    wanted = {re.split(r"[\[<>=]", d)[0].lower() for d in
              tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]}  # fmt: skip
    locked = {entry.split("==")[0].lower() for entry in entries if "==" in entry}
    assert wanted <= locked
    assert [entry for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


def triggers(file: Path) -> Any:
    """The `on` of a workflow, which YAML takes for true."""
    return yaml.safe_load(file.read_text())[True]


def test_the_table_of_threats_names_tests_that_are_there() -> None:
    rows = re.findall(r"^\| (\d+) \|.*`([\w/.]+)::(\w+)` \|$", (ROOT / "docs/security.md").read_text(), re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, 30))
    missing = [f"{f}::{t}" for _, f, t in rows if f"def {t}(" not in (ROOT / "tests" / f).read_text()]
    assert missing == []

"""What users install: wheel, sdist, hook, schemas; and where the pages send them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from docs import shell
from docs.generate import generated
from tests.release.runner import ROOT, WORKFLOW
from tests.servers import missing
from tests.test_layout import tracked

RELEASE = (ROOT / ".ci/release.py").read_text(encoding="utf-8")
MAJOR = re.findall(r"^MAJOR = (\d+)$", RELEASE, re.MULTILINE)[0]
CATALOG: list[dict[str, Any]] = json.loads((ROOT / "docs/schemastore.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel and the sdist of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.mark.slow
def test_the_wheel_has_the_man_page_completions_schemas_and_the_demo(dist: Path) -> None:
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as archive:
        names = archive.namelist()
    data = {name.partition(".data/data/")[2] for name in names}
    assert {shell.MAN, *shell.COMPLETIONS.values()} <= data
    assert {"ctgitops/files/manifest.schema.json", "ctgitops/demo/repository/migrations/policy.yaml"} <= set(names)


@pytest.mark.slow
def test_the_sdist_builds_the_same_wheel(dist: Path, tmp_path: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    assert next(tmp_path.glob("*.whl")).read_bytes() == next(dist.glob("*.whl")).read_bytes()


def pythons() -> list[str]:
    """Every Python of this machine that the package supports, by its real path."""
    names = [f"python3.{minor}" for minor in range(11, 20)]
    found = [path for name in names if (path := shutil.which(name))]
    found += [str(path) for path in Path.home().glob(".pyenv/versions/3.*/bin/python")]
    probe = "import sys, venv; print(sys.version_info >= (3, 11) and sys.base_prefix, sys.version_info[1])"
    bases: dict[str, str] = {}
    for path in found:
        done = subprocess.run([path, "-c", probe], capture_output=True, text=True, check=False)
        base, _, minor = done.stdout.strip().rpartition(" ")
        if base not in {"", "False"}:
            bases[minor] = f"{base}/bin/python3"
    return [bases[minor] for minor in sorted(bases)]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("python", pythons())
def test_wheel_and_sdist_work_in_a_fresh_environment(dist: Path, python: str) -> None:
    probe = [python, "-m", "pip", "--version"]
    if subprocess.run(probe, capture_output=True, check=False).returncode or not shutil.which("man"):
        raise missing("packages", f"{python} has no pip, or the machine no man")
    done = subprocess.run([ROOT / ".ci/dist", "try", dist, python], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.count(" works on ") == 2
    assert "uvx and pipx work" in done.stdout


@pytest.mark.parametrize("name", shell.COMPLETIONS)
def test_a_shell_reads_its_completion_file(name: str) -> None:
    program = shutil.which(name)
    if not program:
        raise missing(name, f"{name} is not on the PATH")
    file = ROOT / "docs" / shell.COMPLETIONS[name]
    done = subprocess.run([program, "-n", file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_man_page_has_no_mistakes() -> None:
    if not shutil.which("groff"):
        raise missing("man", "groff is not on the PATH")
    command = ["groff", "-man", "-ww", "-Tutf8", "-z", str(ROOT / "docs" / shell.MAN)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"docs/{path}" in generated() for path in (shell.MAN, *shell.COMPLETIONS.values()))


@pytest.mark.parametrize(("sql", "status"), [("CREATE TABLE a (b int);", 0), ("CREATE TABLE a (b int;", 3)])
def test_the_hook_checks_what_a_commit_changes(tmp_path: Path, sql: str, status: int) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    page = (ROOT / "docs/release.md").read_text(encoding="utf-8").split("# .pre-commit-config.yaml\n")[1]
    assert [each["id"] for each in yaml.safe_load(page.split("```")[0])["repos"][0]["hooks"]] == [hook["id"]]
    assert hook["language"] == "python"
    assert hook["pass_filenames"] is False
    ours = ("migrations/001_a.sql", "db/migrations/policy.yaml", "environments/staging.yaml")
    assert [path for path in ours if not re.search(hook["files"], path)] == []

    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/policy.yaml").write_text("header: optional\n")
    who = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "start"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    (tmp_path / "migrations/001_a.sql").write_text(sql)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    entry = [sys.executable, "-m", *shlex.split(hook["entry"])]
    done = subprocess.run(entry, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry["name"])
def test_a_schema_is_ready_for_schemastore(entry: dict[str, Any]) -> None:
    """What SchemaStore's own checks want of a schema that is hosted elsewhere."""
    assert set(entry) == {"name", "description", "url"}, "SchemaStore refuses a fileMatch like environments/*.yaml"
    for text in (entry["name"], entry["description"]):
        assert "schema" not in text.lower()
        assert text[-1] not in ",. \t-"
    path = entry["url"].removeprefix("https://raw.githubusercontent.com/constructtrack/ctgitops/main/")
    schema = json.loads((ROOT / path).read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(schema).check_schema(schema)
    assert schema["$id"] == entry["url"]
    assert schema["additionalProperties"] is False
    assert not re.search(r"\$ref\": \"(?!#)", json.dumps(schema)), "SchemaStore does not follow references to elsewhere"


def locks() -> list[Path]:
    return [
        path for path in tracked() if path.suffix in {".txt", ".lock", ".in"} and "--hash=sha256:" in path.read_text()
    ]


def test_dependabot_sees_every_lock_every_action_and_the_base_image() -> None:
    config = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))
    by = {each["package-ecosystem"]: each for each in config["updates"]}
    assert len(locks()) == 9
    assert [
        path
        for path in locks()
        if not re.fullmatch(r"([\w.]+/)?[\w-]*requirements[\w-]*\.txt", path.relative_to(ROOT).as_posix())
        or path.stat().st_size > 500_000
    ] == []
    assert {by[name]["directory"] for name in ("pip", "docker", "github-actions")} == {"/"}
    froms = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    stages = re.findall(r" AS (\w+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    outside = [name for name in froms if name not in stages]
    assert len(outside) == 1
    assert re.fullmatch(r"debian:trixie-slim@sha256:[0-9a-f]{64}", outside[0])


def test_every_page_names_the_major_that_is_released_and_how_to_pin_a_commit() -> None:
    named = {
        (path.relative_to(ROOT).as_posix(), major)
        for path in tracked()
        if path.suffix in {".md", ".yml", ".py", ".yaml"} and path.name != "CHANGELOG.md"
        for major in re.findall(r"constructtrack/ctgitops@v(\d+)", path.read_text(encoding="utf-8"))
    }
    assert {place for place, major in named if major != MAJOR} == set()
    pages = {place for place, _ in named if place.endswith(".md")}
    assert {"README.md", "docs/action.md"} <= pages
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert re.search(r"ctgitops@COMMIT|#pin-a-release", text), f"{page} does not say how to pin a commit"


def test_the_supported_pythons_are_tried_in_a_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert WORKFLOW["jobs"]["try-dist"]["strategy"]["matrix"]["python"] == named


def test_no_platform_of_the_image_is_emulated() -> None:
    jobs = yaml.safe_dump(WORKFLOW)
    assert "qemu" not in jobs
    runners = {each["arch"]: each["runner"] for each in WORKFLOW["jobs"]["image"]["strategy"]["matrix"]["include"]}
    assert runners == {"amd64": "ubuntu-24.04", "arm64": "ubuntu-24.04-arm"}

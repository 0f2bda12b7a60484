"""The workflows that `ctgitops init` writes: valid for linters and for `doctor`, and each database apart."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from ctgitops.core.doctor.diagnosis import CheckVerdict
from ctgitops.files.first_workflows import (
    ALWAYS,
    DRILL,
    FORK,
    WorkflowOrder,
    in_list,
    scalar,
    with_pins_of,
    workflow_file,
)
from ctgitops.files.manifest import read_environments
from ctgitops.files.policy import read_policy
from ctgitops.files.repository import Repository
from ctgitops.files.workflow_checks import WorkflowChecks
from ctgitops.github.inputs import names

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
ON: Any = True
"""YAML 1.1 reads the key `on` as true."""
EVERYTHING = (*ALWAYS, DRILL, FORK)
TWO_MERGES = {
    "dev": "apply: {on: push}",
    "staging": "after: dev\napply: {on: push}\nbackup: {to: s3://b/staging, verify_server: '${VERIFY_URL}'}",
    "eu": 'after: staging\napply: {on: release, tags: "v*"}\nnotify: [{webhook: "${HOOK_URL}"}]',
    "us": 'after: eu\napply: {on: release, tags: "v*"}\nshadow: {url: "${SHADOW_URL}"}',
    "on": "apply: {on: schedule}",
}


def order(root: Path, folder: str = "", *, tests: bool | None = None) -> WorkflowOrder:
    """What the workflows of a workspace are written for. A manifest with a problem fails the test."""
    repository = Repository(root)
    (environments, problems), (policy, more) = read_environments(repository), read_policy(repository)
    assert (problems, more) == ((), ())
    return WorkflowOrder(environments, policy, folder, "release/1.x", tests=tests)


def shape(root: Path, manifests: dict[str, str], policy: str = "header: optional") -> Path:
    """A workspace with these manifests."""
    for name in ("environments", "migrations"):
        (root / name).mkdir(parents=True)
    (root / "migrations/policy.yaml").write_text(policy + "\n")
    for name, more in manifests.items():
        url = f"${{{name.upper()}_URL}}"
        (root / f"environments/{name}.yaml").write_text(f"environment: '{name}'\ndatabase: {{url: '{url}'}}\n{more}\n")
    return root


def orders(shapes: Path) -> dict[str, tuple[WorkflowOrder, ...]]:
    """The orders of several repositories, one for each workspace."""
    services = ("services/orders", "services/users", "services/billing")
    test = "tests: [{name: unit, run: make test}]"
    return {
        "constructtrack": (order(ROOT),),
        "minimal": (order(EXAMPLES / "minimal"),),
        "monorepo": tuple(order(EXAMPLES / "monorepo" / each, each, tests=True) for each in services),
        "supabase": (order(EXAMPLES / "supabase"),),
        "flyway": (order(EXAMPLES / "flyway"),),
        "several": (order(shape(shapes / "several", TWO_MERGES, test), "apps/my shop"),),
        "release": (order(shape(shapes / "release", {"prod": "apply: {on: release}"})),),
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The top folder of each repository, with all workflows."""
    tops = {}
    for name, found in orders(tmp_path_factory.mktemp("shapes")).items():
        tops[name] = tmp_path_factory.mktemp(name)
        (tops[name] / ".github/workflows").mkdir(parents=True)
        for each in found:
            for template in EVERYTHING:
                file = workflow_file(each, template)
                assert not (tops[name] / file.path).exists(), file.path
                (tops[name] / file.path).write_text(file.text)
    return tops


@cache
def workflows(top: Path) -> dict[str, Any]:
    found = (top / ".github/workflows").iterdir()
    return {path.name: yaml.load(path.read_text(), Loader=yaml.CSafeLoader) for path in found}


def test_actionlint_accepts_all_of_them(written: dict[str, Path]) -> None:
    program = shutil.which("actionlint", path=str(Path(sys.executable).parent))
    assert program, "actionlint is a development dependency"
    files = sorted(chain.from_iterable((top / ".github/workflows").iterdir() for top in written.values()))
    assert len(files) == 9 * len(EVERYTHING)
    done = subprocess.run([program, *map(str, files)], capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_doctor_finds_no_problem_in_them(written: dict[str, Path], tmp_path: Path) -> None:
    for name, found in orders(tmp_path).items():
        for each in found:
            folder = "/".join(filter(None, (each.root, each.policy.layout.folder)))
            checks = WorkflowChecks(written[name], folder, each.root or ".")
            kinds = [checks.readable, checks.action, checks.concurrency, checks.permissions, checks.checkout]
            kinds += [checks.paths]
            results = [one for kind in kinds for one in kind()]
            assert [one for one in results if one.verdict is not CheckVerdict.OK] == [], name


def test_each_job_gets_a_workspace_and_inputs_that_the_action_has(written: dict[str, Path]) -> None:
    for name, top in written.items():
        for file, workflow in workflows(top).items():
            for job in workflow["jobs"].values():
                steps = [each for each in job["steps"] if "ctgitops@" in each.get("uses", "")]
                assert all(set(each.get("with", {})) <= set(names()) for each in steps)
                roots = {each.get("with", {}).get("root", "") for each in steps}
                wanted = {"monorepo": "services", "several": "apps"}.get(name, "")
                assert all(root.partition("/")[0] == wanted for root in roots), file


def test_databases_of_one_repository_share_no_file_name_group_or_title(written: dict[str, Path]) -> None:
    """Groups of concurrency and titles are shared by all workflows of a repository."""
    found = workflows(written["monorepo"])
    assert len(found) == 3 * len(EVERYTHING)
    assert len({workflow["name"] for workflow in found.values()}) == len(found)
    for service in ("orders", "users", "billing"):
        own = {file: each for file, each in found.items() if f"services-{service}" in file}
        text = yaml.safe_dump(own)
        secrets = set(re.findall(r"secrets\.(\w+)", text))
        assert secrets == {f"{service.upper()}_DATABASE_URL", "CTGITOPS_IDENTITY"}
        groups = {str(job["concurrency"]["group"]) for each in own.values() for job in each["jobs"].values()}
        assert all(group.startswith(f"ctgitops-services-{service}-") for group in groups)
        assert own[f"ctgitops-services-{service}-fork.yml"][ON]["workflow_run"]["workflows"] == [
            own[f"ctgitops-services-{service}-plan.yml"]["name"]
        ]
        paths = own[f"ctgitops-services-{service}-plan.yml"][ON]["pull_request"]["paths"]
        assert paths and all(path.startswith(f"services/{service}/") for path in paths)


def test_one_environment_that_no_event_applies_to_is_deployed_by_hand_alone(written: dict[str, Path]) -> None:
    found = workflows(written["minimal"])
    deploy = found["ctgitops-deploy.yml"]
    assert set(deploy[ON]) == {"workflow_dispatch"}
    assert set(deploy["jobs"]) == {"plan", "apply"}
    assert deploy[ON]["workflow_dispatch"]["inputs"]["environment"]["options"] == ["staging"]
    assert set(found["ctgitops-commands.yml"]["jobs"]) == {"plan"}
    assert "!startsWith" not in str(found["ctgitops-commands.yml"])
    assert set(found["ctgitops-drift.yml"]["jobs"]) == {"drift", "traffic"}
    assert set(found["ctgitops-plan.yml"]["jobs"]) == {"plan"}
    assert "id-token" not in str(deploy)


def test_several_environments_on_one_event_get_their_own_jobs_and_secrets(written: dict[str, Path]) -> None:
    (deploy,) = (each for file, each in workflows(written["several"]).items() if file.endswith("-deploy.yml"))
    jobs = deploy["jobs"]
    assert list(jobs) == ["dev", "staging", "plan", "apply", "plan-us", "apply-us"]
    secrets = {job: sorted(set(re.findall(r"secrets\.(\w+)", str(jobs[job])))) for job in jobs}
    assert secrets["dev"] == ["DEV_URL"]
    assert secrets["staging"] == ["DEV_URL", "STAGING_URL", "VERIFY_URL"]
    assert secrets["apply-us"] == ["DEV_URL", "EU_URL", "SHADOW_URL", "STAGING_URL", "US_URL"]
    assert secrets["apply"] == [
        "DEV_URL",
        "EU_URL",
        "HOOK_URL",
        "ON_URL",
        "SHADOW_URL",
        "STAGING_URL",
        "US_URL",
        "VERIFY_URL",
    ]
    assert jobs["staging"]["needs"] == "dev"
    assert jobs["staging"]["steps"][-1]["with"] == {"root": "apps/my shop", "environment": "staging"}
    assert "needs.plan-us.outputs.fingerprint" in jobs["apply-us"]["steps"][-1]["with"]["fingerprint"]
    assert ("id-token" in jobs["staging"]["permissions"], "id-token" in jobs["dev"]["permissions"]) == (True, False)
    assert deploy[ON]["workflow_dispatch"]["inputs"]["environment"]["options"] == ["dev", "staging", "on", "eu", "us"]


def test_versions_of_actions_that_a_team_chose_stay() -> None:
    """Dependabot updates them, and a diff would return to older ones."""
    text = workflow_file(order(EXAMPLES / "minimal"), "deploy").text
    pinned = text.replace("constructtrack/ctgitops@v0", f"constructtrack/ctgitops@{'a' * 40} # v0.2.3")
    pinned = re.sub(r"actions/checkout@\w+ # v\S+", f"actions/checkout@{'b' * 40} # v8.0.0", pinned)
    assert pinned != text
    assert with_pins_of(text, pinned) == pinned
    assert with_pins_of(text, "a team's own text") == text


@pytest.mark.parametrize(
    "text", ["on", "1", "null", "a b", "feature/a,b", "@app/x", "*", "a: b", "a #b", "é'\"\\", "-"]
)
def test_a_name_of_any_form_stays_a_text_in_yaml(text: str) -> None:
    assert yaml.safe_load(f"name: {scalar(text)} # comment") == {"name": text}
    assert yaml.safe_load(in_list(text, "x")) == [text, "x"]

"""Checks of a repository on GitHub, against answers in GitHub's shape, and against the test GitHub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ctgitops.core.doctor.diagnosis import CheckVerdict, Diagnosis
from ctgitops.core.environment.environment import Trigger
from ctgitops.errors import ForgeError
from ctgitops.github.access import Access
from ctgitops.github.repository_checks import RepositoryChecks
from tests.fakes import PRODUCTION
from tests.github import scripted
from tests.github.live import Live

LIVE = replace(PRODUCTION, trigger=Trigger.RELEASE, tags="v*")
REVIEWED = {
    "name": "production",
    "protection_rules": [{"type": "required_reviewers"}],
    "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
}


def healthy() -> dict[str, Any]:
    return {
        "": {"default_branch": "main"},
        "/commits": [],
        "/pulls": [],
        "/deployments": [],
        "/environments": {"environments": [REVIEWED]},
        "/environments/production/deployment-branch-policies": {"branch_policies": [{"name": "v*", "type": "tag"}]},
        "/branches/main": {"protected": True, "protection": {"required_status_checks": {"contexts": ["Plan"]}}},
        "/rules/branches/main": [],
    }


@pytest.fixture
def github() -> Iterator[scripted.Scripted]:
    with scripted.running() as running:
        running.canned.update(healthy())
        yield running


def checks(github: scripted.Scripted) -> RepositoryChecks:
    return RepositoryChecks(Access("ours", "o/r", github.url))


def all_of(found: RepositoryChecks) -> list[Diagnosis]:
    return [*found.token(), *found.branch_rules(), *found.environments((LIVE,))]


def test_a_protected_repository_is_healthy(github: scripted.Scripted) -> None:
    assert {each.verdict for each in all_of(checks(github))} == {CheckVerdict.OK}


@pytest.mark.parametrize(
    ("path", "answer", "said", "fix"),
    [
        ("/branches/main", {"protected": False}, "main is not protected", "PUT repos/o/r/branches/main/protection"),
        ("/branches/main", {"protected": True}, "requires no status check", "gh browse --settings"),
        (
            "/environments",
            {"environments": []},
            "has no environment production",
            "PUT repos/o/r/environments/production",
        ),
        (
            "/environments",
            {"environments": [REVIEWED | {"protection_rules": []}]},
            "no required reviewers",
            "PUT repos/o/r/environments/production",
        ),
        (
            "/environments",
            {"environments": [REVIEWED | {"deployment_branch_policy": None}]},
            "every branch can deploy to production",
            '"name": "v*", "type": "tag"',
        ),
        (
            "/environments/production/deployment-branch-policies",
            {"branch_policies": [{"name": "main", "type": "branch"}]},
            "no tag may deploy to production",
            "POST repos/o/r/environments/production/deployment-branch-policies",
        ),
    ],
)
def test_each_gap_is_found(github: scripted.Scripted, path: str, answer: Any, said: str, fix: str) -> None:
    github.canned[path] = answer
    found = [each for each in all_of(checks(github)) if each.verdict is not CheckVerdict.OK]
    assert [each.verdict for each in found] == [CheckVerdict.PROBLEM]
    assert said in found[0].what
    assert fix in found[0].fix


def test_rules_of_a_ruleset_count(github: scripted.Scripted) -> None:
    github.canned["/branches/main"] = {"protected": True}
    github.canned["/rules/branches/main"] = [{"type": "required_status_checks"}]
    assert [each.verdict for each in checks(github).branch_rules()] == [CheckVerdict.OK]


def test_what_the_token_may_not_read_is_not_green(github: scripted.Scripted) -> None:
    del github.canned["/pulls"], github.canned["/environments"]
    (token,) = checks(github).token()
    assert (token.verdict, "may not read pull-requests, actions" in token.what) == (CheckVerdict.PROBLEM, True)
    with pytest.raises(ForgeError, match="may not read"):
        list(checks(github).environments((LIVE,)))


def test_hidden_rules_are_unknown(github: scripted.Scripted) -> None:
    github.canned["/branches/main"] = {"protected": True}
    del github.canned["/rules/branches/main"]
    assert [each.verdict for each in checks(github).branch_rules()] == [CheckVerdict.UNKNOWN]


def test_a_failing_github_is_an_error_without_the_token(github: scripted.Scripted) -> None:
    github.faults += [scripted.Fault("GET", "", 422, "no")]
    with pytest.raises(ForgeError, match="GitHub answers 422"):
        list(checks(github).branch_rules())
    with pytest.raises(ForgeError, match="answers 401"):
        list(RepositoryChecks(Access("wrong", "o/r", github.url)).token())


def test_without_a_token_every_check_says_how_to_give_one() -> None:
    nobody = RepositoryChecks(Access("", "o/r"))
    for check in (nobody.token, nobody.branch_rules):
        with pytest.raises(ForgeError, match="GITHUB_TOKEN is not set") as raised:
            list(check())
        assert "gh auth token" in raised.value.hint


def test_an_environment_that_is_only_applied_to_by_hand_needs_none_on_github(github: scripted.Scripted) -> None:
    by_hand = replace(LIVE, name="development", trigger=Trigger.MANUAL, after=None)
    assert [each.verdict for each in checks(github).environments((by_hand,))] == [CheckVerdict.NOTE]


GH = """\
import json, os, sys, urllib.request
_, api, *rest = sys.argv
if rest[:1] == ["user"]:
    print(7)
    raise SystemExit
(_, method, path, _, _) = rest
url, body = f"{os.environ['GITHUB_API_URL']}/{path}", json.load(sys.stdin)
print(json.dumps([method, path, body]))
"""
"""Stands for GitHub's `gh`: prints what it would send."""


def followed(fix: str, folder: Path) -> list[Any]:
    """What the commands send."""
    (folder / "gh.py").write_text(GH)
    (folder / "gh").write_text(f'#!/bin/sh\nexec {sys.executable} {folder}/gh.py "$@"\n')
    (folder / "gh").chmod(0o755)
    environ = {"PATH": f"{folder}:{os.environ['PATH']}", "GITHUB_API_URL": "http://h"}
    done = subprocess.run(["bash", "-ec", fix], env=environ, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_the_fix_protects_the_environment_and_keeps_its_other_settings(
    github: scripted.Scripted, tmp_path: Path
) -> None:
    open_to_all = {"name": "production", "protection_rules": [{"type": "wait_timer", "wait_timer": 30}]}
    github.canned["/environments"] = {"environments": [open_to_all]}
    found = list(checks(github).environments((LIVE,)))
    sent = followed(found[0].fix, tmp_path)
    branches = {"protected_branches": False, "custom_branch_policies": True}
    put = {"deployment_branch_policy": branches, "wait_timer": 30, "reviewers": [{"type": "User", "id": 7}]}
    assert sent == [
        ["PUT", "repos/o/r/environments/production", put],
        ["POST", "repos/o/r/environments/production/deployment-branch-policies", {"name": "v*", "type": "tag"}],
    ]
    assert followed(found[1].fix, tmp_path) == sent[:1]

    github.canned["/branches/main"] = {"protected": False}
    (branch,) = checks(github).branch_rules()
    ((method, path, body),) = followed(branch.fix, tmp_path)
    assert (method, path, body["enforce_admins"]) == ("PUT", "repos/o/r/branches/main/protection", True)


@pytest.mark.github
def test_against_a_github_the_missing_environment_is_found_and_the_fix_creates_it(live: Live, tmp_path: Path) -> None:
    found = RepositoryChecks(live.access)
    assert [each.verdict for each in found.token()] == [CheckVerdict.OK]
    new = replace(LIVE, trigger=Trigger.PUSH, after=None, name=f"doctor-{live.seen}-{live.called}")
    (missing,) = found.environments((new,))
    assert missing.verdict is CheckVerdict.PROBLEM
    (method, path, body), *_ = followed(missing.fix, tmp_path)
    live.send(method, f"/{path}", body)
    (after,) = RepositoryChecks(live.access).environments((new,))
    assert "has no environment" not in after.what

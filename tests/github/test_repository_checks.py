"""Checks of a repository on GitHub, against answers in GitHub's shape, and against the test GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
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


@pytest.mark.github
def test_against_a_github_the_missing_environment_is_found_and_the_fix_creates_it(live: Live) -> None:
    found = RepositoryChecks(live.access)
    assert [each.verdict for each in found.token()] == [CheckVerdict.OK]
    new = replace(LIVE, trigger=Trigger.MANUAL, name=f"doctor-{live.seen}-{live.called}")
    (missing,) = found.environments((new,))
    assert missing.verdict is CheckVerdict.PROBLEM
    live.call("PUT", f"/environments/{new.name}", {})
    after = list(RepositoryChecks(live.access).environments((new,)))
    assert not [each for each in after if "has no environment" in each.what]

"""Checks of `doctor` for a repository on GitHub: the token, branch rules, environments. These checks only read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from github import GithubException, UnknownObjectException
from requests import RequestException

from ..core.doctor.diagnosis import CheckVerdict, Diagnosis, note, ok, problem, unknown
from ..core.doctor.setup_step import SetupStep
from ..core.environment.environment import Environment, Trigger
from ..errors import ForgeError
from ..report.escape import one_line
from .access import Access, RetryPolicy
from .client import Client

HOW_TO_SIGN_IN = 'export GITHUB_TOKEN="$(gh auth token)" GITHUB_REPOSITORY=OWNER/NAME'
_CHECK = "github-environments"
_ME = "the id of the user"
"""A placeholder for the ID of the user who runs the command."""
_HASTE = RetryPolicy(tries=2, backoff=0.2, longest=2, timeout=4)
_READS = {
    "contents": "/commits?per_page=1",
    "pull-requests": "/pulls?per_page=1",
    "deployments": "/deployments?per_page=1",
    "actions": "/environments?per_page=1",
}
"""Maps permissions of the Action to requests. A request succeeds only with its permission, and only reads."""


@dataclass(frozen=True)
class RepositoryChecks:
    """The checks of one repository. Without a token, every check is unknown."""

    access: Access
    branch: str = "main"
    """The default branch, for the commands that allow it to deploy."""

    @cached_property
    def _client(self) -> Client:
        if not self.access.token or not self.access.repository:
            missing = "GITHUB_TOKEN" if not self.access.token else "GITHUB_REPOSITORY"
            raise ForgeError(f"{missing} is not set", hint=HOW_TO_SIGN_IN)
        return Client(self.access, _HASTE, lambda _warning: None)

    def token(self) -> Iterator[Diagnosis]:
        """What the token may read. GitHub does not say what a token may write."""
        lacks = [name for name, path in _READS.items() if self._get(path) is None]
        scopes = self._client.github.oauth_scopes
        if lacks:
            fix = f"permissions: {{{', '.join(f'{name}: read' for name in lacks)}}}"
            fix += "  # in the workflow; for a personal token: gh auth refresh --scopes repo"
            yield problem("github-token", f"the token may not read {', '.join(lacks)}", fix)
        else:
            kind = f"; scopes: {', '.join(scopes)}" if scopes else ""
            yield ok("github-token", f"reads {', '.join(_READS)} of {self.access.repository}{kind}")

    def branch_rules(self) -> Iterator[Diagnosis]:
        """Whether the default branch requires a pull request and a check."""
        repository = self._must("")
        branch = str(repository["default_branch"])
        seen = self._must(f"/branches/{branch}")
        rules = self._get(f"/rules/branches/{branch}?per_page=100")
        kinds = {str(rule.get("type")) for rule in rules or ()}
        classic = (seen.get("protection") or {}).get("required_status_checks") or {}
        checks = bool(classic.get("contexts") or classic.get("checks") or "required_status_checks" in kinds)
        settings = f"gh browse --settings --repo {self.access.repository}"
        if not seen.get("protected") and not kinds:
            fix = self._api(f"branches/{branch}/protection", "PUT", _PROTECTION)
            yield problem("branch-rules", f"the branch {branch} is not protected", fix)
        elif not checks and rules is None:
            yield unknown("branch-rules", f"the token may not read the rules of {branch}", HOW_TO_SIGN_IN)
        elif not checks:
            what = f"the branch {branch} is protected, and requires no status check"
            yield problem("branch-rules", what, f"{settings}   # Branches: require the check of the plan")
        else:
            yield ok("branch-rules", f"the branch {branch} is protected, and requires checks")

    def environment_names(self) -> tuple[str, ...]:
        """The repository's environments, without that of GitHub Pages. Empty without a token. Raises ForgeError."""
        if not self.access.token or not self.access.repository:
            return ()
        listed = self._must("/environments?per_page=100").get("environments") or ()
        names = (str(each.get("name", "")) for each in listed)
        return tuple(name for name in names if name and name != "github-pages")

    def about(self) -> tuple[str, bool] | None:
        """The default branch, and whether the repository is public. None without a token. Raises ForgeError."""
        if not self.access.token or not self.access.repository:
            return None
        repository = self._must("")
        return str(repository.get("default_branch") or self.branch), repository.get("private") is False

    def setup(self, environments: Iterable[Environment], secrets: Mapping[str, tuple[str, ...]]) -> Iterator[SetupStep]:
        """The steps that create the environments of workflows and their secrets. Each is unknown without a token.

        `secrets` maps the environments on GitHub to the names of their secrets. Raises ForgeError.
        """
        manifests = {each.name: each for each in environments}
        ask = bool(self.access.token and self.access.repository)
        known = {name.casefold() for name in self.environment_names()} if ask else None
        for name, names in secrets.items():
            done = None if known is None else name.casefold() in known
            if name in manifests:
                yield self._setup_of(manifests[name], ask=ask)
            else:
                yield SetupStep(f"environment {name}, without rules", self._created(name), done)
            found = self._secret_names(name) if done else set() if ask else None
            for secret in names:
                fix = f"gh secret set {secret} --env {name} --repo {self.access.repository}"
                what = f"secret {secret} of environment {name}"
                yield SetupStep(what, fix, None if found is None else secret in found)

    def _setup_of(self, each: Environment, *, ask: bool) -> SetupStep:
        found = tuple(self.environments((each,))) if ask else (self._absent(each),)
        fixes = dict.fromkeys(line for one in found for line in one.fix.split("\n") if line)
        commands = "\n".join(fixes) or self._created(each.name)
        if not ask:
            return SetupStep(f"environment {each.name}, with its rules", commands)
        gaps = [one.what for one in found if one.verdict is not CheckVerdict.OK]
        return SetupStep("; ".join(gaps) or f"environment {each.name}, with its rules", commands, not gaps)

    def _created(self, name: str) -> str:
        return f"gh api --method PUT repos/{self.access.repository}/environments/{name}"

    def _secret_names(self, environment: str) -> set[str] | None:
        """The names of the secrets of an environment and of the repository. None if the token may not list them."""
        listed = [self._get(f"{path}/secrets?per_page=100") for path in (f"/environments/{environment}", "/actions")]
        if any(each is None for each in listed):
            return None
        return {str(secret["name"]) for each in listed for secret in each.get("secrets") or ()}

    def environments(self, wanted: tuple[Environment, ...]) -> Iterator[Diagnosis]:
        """Whether each environment exists, and who may deploy to it."""
        listed = self._must("/environments?per_page=100").get("environments") or ()
        by_name = {str(each.get("name", "")).casefold(): each for each in listed}
        for each in wanted:
            found = by_name.get(each.name.casefold())
            if found is None:
                yield self._of(each, self._absent(each))
                continue
            for diagnosis in self._environment(each, found):
                yield self._of(each, diagnosis)

    def _absent(self, each: Environment) -> Diagnosis:
        what = f"GitHub has no environment {each.name}"
        if each.trigger is Trigger.MANUAL:
            return note(_CHECK, f"{what}; it is optional, because the manifest allows only manual applies")
        fix = self._api(f"environments/{each.name}", "PUT", _protected({}, None, reviewed=_is_reviewed(each)))
        return problem(_CHECK, what, f"{fix}\n{self._policy(each)}")

    def _environment(self, each: Environment, found: Any) -> Iterator[Diagnosis]:
        rules = {str(rule.get("type")): rule for rule in found.get("protection_rules") or ()}
        policy = found.get("deployment_branch_policy")
        path, gaps = f"environments/{each.name}", []
        fix = self._api(path, "PUT", _protected(rules, policy, reviewed=_is_reviewed(each)))
        if policy is None:
            gaps.append(problem(_CHECK, f"every branch can deploy to {each.name}", f"{fix}\n{self._policy(each)}"))
        elif policy.get("custom_branch_policies") and each.trigger is Trigger.RELEASE:
            listed = self._must(f"/{path}/deployment-branch-policies").get("branch_policies") or ()
            if not any(rule.get("type") == "tag" for rule in listed):
                gaps.append(problem(_CHECK, f"no tag may deploy to {each.name}", self._policy(each)))
        if _is_reviewed(each) and "required_reviewers" not in rules:
            gaps.append(problem(_CHECK, f"{each.name} has no required reviewers, so its plan needs no approval", fix))
        yield from gaps or [ok(_CHECK, "the environment is protected")]

    def _policy(self, each: Environment) -> str:
        release = each.trigger is Trigger.RELEASE
        body = f'{{"name": "{each.tags if release else self.branch}", "type": "{"tag" if release else "branch"}"}}'
        return self._api(f"environments/{each.name}/deployment-branch-policies", "POST", body)

    def _api(self, path: str, method: str, body: str) -> str:
        """A shell command that calls the API with a JSON body."""
        return f"gh api --method {method} repos/{self.access.repository}/{path} --input - <<< '{body}'"

    def _of(self, each: Environment, diagnosis: Diagnosis) -> Diagnosis:
        return replace(diagnosis, subject=each.name)

    def _must(self, path: str) -> Any:
        found = self._get(path)
        if found is None:
            raise ForgeError(f"the token may not read {path or 'the repository'}", hint=HOW_TO_SIGN_IN)
        return found

    def _get(self, path: str) -> Any:
        """The response. None for 404, which means that the object does not exist, or that the token may not read it."""
        return self._called(lambda: self._client.github.requester.requestJsonAndCheck("GET", self._url(path))[1])

    def _url(self, path: str) -> str:
        return f"/repos/{self.access.repository}{path}"

    def _called(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except UnknownObjectException:
            return None
        except GithubException as error:
            if error.status == 403:
                return None
            said = error.data.get("message") if isinstance(error.data, dict) else ""
            what = f"GitHub answers {error.status}, {one_line(str(said or 'no reason given'))}"
            raise ForgeError(what, hint=HOW_TO_SIGN_IN) from None
        except RequestException as error:
            raise ForgeError(f"GitHub cannot be reached: {type(error).__name__}", hint=HOW_TO_SIGN_IN) from None


def _is_reviewed(each: Environment) -> bool:
    """Whether a person should approve each plan, because the environment follows another environment, or a release."""
    return each.trigger is Trigger.RELEASE or each.after is not None


def _protected(rules: Mapping[str, Any], policy: Any, *, reviewed: bool) -> str:
    """The body of the request that protects an environment. The text must stand in single quotes in a shell.

    The body repeats settings that GitHub would otherwise reset.
    """
    body: dict[str, Any] = {
        "deployment_branch_policy": policy or {"protected_branches": False, "custom_branch_policies": True}
    }
    if wait := rules.get("wait_timer", {}).get("wait_timer"):
        body["wait_timer"] = wait
    known = rules.get("required_reviewers", {}).get("reviewers") or ()
    reviewers = [{"type": str(each["type"]), "id": int(each["reviewer"]["id"])} for each in known]
    if reviewed or reviewers:
        body["reviewers"] = reviewers or [{"type": "User", "id": _ME}]
    return json.dumps(body).replace(f'"{_ME}"', "'\"$(gh api user --jq .id)\"'")


_PROTECTION = (
    '{"required_status_checks": {"strict": false, "contexts": ["Plan"]}, "enforce_admins": true, '
    '"required_pull_request_reviews": {"required_approving_review_count": 1}, "restrictions": null}'
)

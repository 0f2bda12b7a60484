"""A GitHub client based on PyGithub. Handles retries and missing permissions, and formulates the errors."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from github import Auth, Github, GithubException, RateLimitExceededException, UnknownObjectException, set_log_level
from requests import exceptions as requests

from .. import __version__
from ..errors import ForgeError
from ..report.escape import one_line
from .access import Access, RetryPolicy
from .retry import retry

T = TypeVar("T")

set_log_level(logging.WARNING)  # PyGithub logs its waits to stderr, where a runner looks for commands

_NOT_FOUND = 404
_NETWORK = {
    requests.SSLError: "its TLS certificate is not trusted",
    requests.Timeout: "the request timed out",
    requests.RetryError: "every retry failed",
    requests.ConnectionError: "cannot connect",
}


class Client:
    """The API client of one repository. Raises ForgeError. The text of the error never contains the token."""

    def __init__(self, access: Access, patience: RetryPolicy, warn: Callable[[str], None], workspace: str = "") -> None:
        if not (token := access.token.strip()):
            raise ForgeError("there is no GitHub token", hint="set the input github-token: ${{ github.token }}")
        self.patience = patience
        self.workspace = workspace
        """The folder of the workspace in the repository. Empty for its top."""
        self._access = access
        self._warn = warn
        self._warned_permissions: set[str] = set()
        self._login = ""
        self._retry = retry(patience)
        self.github = Github(
            auth=Auth.Token(token),
            base_url=access.api_url.rstrip("/"),
            retry=self._retry,
            timeout=int(patience.timeout),
            per_page=100,
            lazy=True,
            user_agent=f"ctgitops/{__version__}",
            seconds_between_requests=0,
            seconds_between_writes=patience.between_writes,
        )
        self.repository = self.github.get_repo(access.repository)

    def hurry(self) -> None:
        """Turns off retries, because the runner is about to kill this process."""
        self._retry.hurried.set()

    def may(self, doing: str, permission: str, call: Callable[[], T]) -> T | None:
        """Calls the API. If the token lacks the permission, warns once and returns None."""
        try:
            return call()
        except (GithubException, requests.RequestException) as error:
            if not _denied(error):
                raise self._failure(error, doing, permission) from None
            if permission not in self._warned_permissions:
                self._warned_permissions.add(permission)
                self._warn(
                    f"could not {doing}: {self._why(error)}. Give the job `permissions: {permission}`; "
                    "the run continues without it"
                )
            return None

    def must(self, doing: str, permission: str, call: Callable[[], T]) -> T:
        """Calls the API for a result that is required. A missing permission is an error."""
        try:
            return call()
        except (GithubException, requests.RequestException) as error:
            raise self._failure(error, doing, permission) from None

    def perhaps(self, call: Callable[[], T]) -> T | None:
        """Calls the API for a result that is optional. Returns None if the call fails."""
        with suppress(GithubException, requests.RequestException):
            return call()
        return None

    def once(self, post: Callable[[], T], find: Callable[[], T | None]) -> T:
        """Sends a request that must not take effect twice. If its result is unknown, calls `find` before a retry."""
        for pause in (2, 4):
            try:
                return post()
            except (GithubException, requests.RequestException) as error:
                if not _unsure(error):
                    raise
            time.sleep(pause * self.patience.backoff)
            if (found := find()) is not None:
                return found
        return post()

    @contextmanager
    def ignoring_not_found(self) -> Iterator[None]:
        """Ignores the error 404 within a block, because another run may have deleted the object first."""
        try:
            yield
        except UnknownObjectException:
            return

    def login(self) -> str:
        """The login of the token's account. If GitHub does not report it, the login of GitHub Actions."""
        if not self._login:
            self._login = self._fetch_login() or "github-actions[bot]"
        return self._login

    def _fetch_login(self) -> str:
        """Reads the login with GraphQL, which accepts every token, or with REST if the server has no GraphQL."""
        try:
            _, answer = self.github.requester.graphql_query("query { viewer { login } }", {})
            return str(answer["data"]["viewer"]["login"])
        except (KeyError, TypeError, GithubException, requests.RequestException):
            with suppress(GithubException, requests.RequestException):
                return self.github.get_user().login
        return ""

    def _failure(self, error: Exception, doing: str, permission: str) -> ForgeError:
        hint = "run the job again; githubstatus.com shows whether GitHub has an incident"
        if getattr(error, "status", 0) == 401:
            hint = "set the input github-token to a valid token, such as ${{ github.token }}"
        elif _denied(error):
            unless = "check whether it exists; if it does, " if getattr(error, "status", 0) == _NOT_FOUND else ""
            hint = f"{unless}give the job `permissions: {permission}`"
        elif isinstance(error, RateLimitExceededException):
            hint = (
                f"run the job again later; ctgitops waits at most {self.patience.longest:g} s for a rate limit to reset"
            )
        where = f"{self._access.repository} on {self._access.api_url}"
        return ForgeError(f"could not {doing} in {where}: {self._why(error)}", hint=hint)

    def _why(self, error: Exception) -> str:
        if isinstance(error, GithubException):
            said = error.data.get("message") if isinstance(error.data, dict) else None
            text = one_line(str(said or "no reason given")).replace(self._access.token.strip(), "***")
            return f"GitHub answers {error.status}, {text}"
        return next((why for kind, why in _NETWORK.items() if isinstance(error, kind)), type(error).__name__)


def _denied(error: Exception) -> bool:
    limited = isinstance(error, RateLimitExceededException)
    return isinstance(error, GithubException) and error.status in (403, _NOT_FOUND) and not limited


def _unsure(error: Exception) -> bool:
    if isinstance(error, GithubException):
        return error.status >= 500
    return not isinstance(error, requests.RetryError)

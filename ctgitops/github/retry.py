"""The retry policy for PyGithub, which decides which requests are sent again automatically."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

from github import GithubException, GithubRetry, RateLimitExceededException
from urllib3 import BaseHTTPResponse, Retry
from urllib3.connectionpool import ConnectionPool

from .access import RetryPolicy

_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE"})
_LIMITED = "the rate limit resets after the longest wait"
_DID_NOTHING = (403, 429)
"""HTTP statuses after which a POST can be sent again, because GitHub did not execute the request."""


def retry(patience: RetryPolicy) -> PatientRetry:
    """The retry policy for one client."""
    made = PatientRetry(
        total=patience.tries,
        backoff_factor=patience.backoff,
        secondary_rate_wait=patience.secondary,
        max_rate_limit_wait=patience.longest,
        status_forcelist=[429, *range(500, 600)],
        allowed_methods=_REPEATABLE,
    )
    made.hurried = threading.Event()
    return made


class PatientRetry(GithubRetry):
    """A policy that retries a PATCH, unlike PyGithub's. Limits waits, and never repeats a POST after a 5xx."""

    hurried = threading.Event()
    """Set if this process is about to be killed. No request is then retried. All copies of a policy share this flag."""

    def new(self, **kw: Any) -> Self:
        """A copy of the policy for the next attempt."""
        made = super().new(**kw)
        made.hurried = self.hurried
        return made

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:  # noqa: FBT001, FBT002 - urllib3's signature
        """Whether a response goes to `increment`, which decides about the retry."""
        if method == "POST":
            return status_code in _DID_NOTHING
        return super().is_retry(method, status_code, has_retry_after)

    def increment(  # type: ignore[override]
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Retry:
        """Fails at once if the wait would be too long, or if a retry could take effect twice."""
        try:
            self._refuse(method, url, response, error)
            return super().increment(method, url, response, error, _pool, _stacktrace)  # type: ignore[arg-type]
        except GithubException:
            if response is not None:
                response.close()
            raise

    def _refuse(
        self, method: str | None, url: str | None, response: BaseHTTPResponse | None, error: Exception | None
    ) -> None:
        if error is not None and (_appends(method, url) or self.hurried.is_set()):
            raise error
        if response is None:
            return
        headers = dict(response.headers)
        if (self.get_retry_after(response) or 0) > (self.max_rate_limit_wait or 0):
            raise RateLimitExceededException(response.status, {"message": _LIMITED}, headers)
        if self.hurried.is_set():
            raise GithubException(response.status, {"message": response.reason}, headers)
        if response.status >= 500 and _appends(method, url):
            raise GithubException(response.status, {"message": response.reason}, headers)


def _appends(method: str | None, url: str | None) -> bool:
    """Whether a repeated request would add data twice. A PATCH of a check run appends its annotations."""
    return method == "PATCH" and "/check-runs/" in (url or "")

"""Settings for GitHub's API: the repository, the token, retries and timeouts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Access:
    """A repository, and the token for its API."""

    token: str = field(repr=False)
    repository: str
    """The value of GITHUB_REPOSITORY, such as `owner/name`."""
    api_url: str = "https://api.github.com"
    """The value of GITHUB_API_URL."""


@dataclass(frozen=True)
class RetryPolicy:
    """Timeouts and pauses in seconds, and retry counts."""

    tries: int = 5
    backoff: float = 0.5
    secondary: float = 30
    """Pauses in seconds after the first, second, … secondary rate limit."""
    longest: float = 120
    """The longest wait for a rate limit, in seconds. The request fails if GitHub requires a longer wait."""
    timeout: float = 20
    between_writes: float = 0.5
    settle: float = 1
    """The pause in seconds after writing the comment. A check for another run's comment follows."""

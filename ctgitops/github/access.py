"""Settings for GitHub's API: the repository, the token, retries and timeouts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Access:
    """A repository on GitHub, and the token for its API."""

    token: str = field(repr=False)
    repository: str
    """The value of GITHUB_REPOSITORY, such as `owner/name`."""
    api_url: str = "https://api.github.com"
    """The value of GITHUB_API_URL."""


@dataclass(frozen=True)
class RetryPolicy:
    """Timeouts and pauses in seconds, and numbers of retries."""

    tries: int = 5
    backoff: float = 0.5
    secondary: float = 30
    """Pauses in seconds after the first, second, … response with a secondary rate limit."""
    longest: float = 120
    """The longest wait for a rate limit in seconds. A request fails if GitHub demands a longer wait."""
    timeout: float = 20
    between_writes: float = 0.5
    settle: float = 1
    """The pause in seconds between writing the comment and checking for another run's comment."""

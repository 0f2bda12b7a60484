"""Settings for GitHub's API: the repository, the token, retries and timeouts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Access:
    """A repository, and the token for it."""

    token: str = field(repr=False)
    repository: str
    """`owner/name`, as GITHUB_REPOSITORY has it."""
    api_url: str = "https://api.github.com"
    """As GITHUB_API_URL has it."""


@dataclass(frozen=True)
class Patience:
    """Seconds, and how often."""

    tries: int = 5
    backoff: float = 0.5
    secondary: float = 30
    """How long a secondary rate limit is waited for, each time."""
    longest: float = 120
    """What asks for a longer wait than this is a failure."""
    timeout: float = 20
    between_writes: float = 0.5
    settle: float = 1
    """After writing the comment, before reading whether another run wrote too."""

"""Session state that a migration leaks past its COMMIT, as the trial or an apply sees it. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SessionLeak:
    """Session state that outlived its migration; it was reset before the next step and had no effect on it."""

    migration: str
    what: str

    @property
    def text(self) -> str:
        """`leaks session state: setting search_path; what to do`."""
        return f"leaks session state: {self.what}; it was reset before the next step: use SET LOCAL instead"

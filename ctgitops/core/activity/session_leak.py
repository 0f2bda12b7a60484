"""Session state that a migration leaks past its COMMIT, as found in the trial or by an apply. Pure."""

from __future__ import annotations

from ...lazy import dataclass

_INSTEAD = {
    "role ": "SET LOCAL",
    "setting ": "SET LOCAL",
    "temporary table ": "ON COMMIT DROP",
    "temporary ": "DROP at the end of the migration",
    "prepared statement ": "DEALLOCATE",
    "cursor ": "CLOSE",
    "LISTEN ": "UNLISTEN",
    "an advisory lock": "pg_advisory_xact_lock",
}
"""Maps the first words that describe a kind of session state to the SQL that avoids the leak."""


@dataclass(frozen=True)
class SessionLeak:
    """Session state that remains after its migration. The run resets this state before the next step."""

    migration: str
    what: str

    @property
    def text(self) -> str:
        """Text such as `leaks session state: setting search_path; what to do`."""
        found = (next((use for word, use in _INSTEAD.items() if one.startswith(word)), "") for one in self.kinds)
        instead = " and ".join(dict.fromkeys(filter(None, found)))
        how = f": use {instead}" if instead else ""
        return f"leaks session state: {self.what}; it was reset before the next step{how}"

    @property
    def kinds(self) -> list[str]:
        """The kinds of session state that the migration leaks, each with the names of its objects."""
        return self.what.split("; ")

"""The contract with a provider that takes a backup: a database snapshot, pgBackRest, Barman or a script. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from ..lazy import dataclass
from ..untrusted_json import read_json

VERSION = 1
SKEW = timedelta(minutes=5)
"""The largest accepted difference between the clocks of this machine and of the provider."""
_LSN = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}")


@dataclass(frozen=True)
class ProviderBackup:
    """A backup as the provider describes it."""

    id: str
    """The provider's name for the backup, such as a snapshot's name."""
    time: datetime
    """The backup contains the data that the database had at this time."""
    restore: str
    """How to restore the backup: a command, or a sentence."""
    lsn: str = ""
    """The position in the WAL (LSN). Empty if the provider does not report the position."""
    notes: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """The JSON object that the call `verify` receives."""
        return {
            "id": self.id,
            "time": self.time.isoformat(),
            "lsn": self.lsn or None,
            "restore": self.restore,
            "notes": list(self.notes),
        }

    @classmethod
    def of(cls, answer: str, since: datetime) -> ProviderBackup:
        """Parses the answer to the call `backup`, which began at `since`. Raises ValueError with the reason."""
        found = _object(answer)
        unknown = found.keys() - {"id", "time", "lsn", "restore", "notes"}
        if unknown:
            raise ValueError(f"unknown key `{min(unknown)}`")
        backup = cls(
            _text(found, "id"),
            _moment(found),
            _text(found, "restore"),
            _lsn(found),
            tuple(map(str, found.get("notes") or ())),
        )
        if backup.time < since - SKEW:
            raise ValueError(f"the backup is of {backup.time:%Y-%m-%d %H:%M:%S %Z}, before this run began")
        return backup


def verified(answer: str) -> str:
    """How the provider verified its backup, from the answer to `verify`.

    Raises ValueError if the provider did not verify the backup.
    """
    found = _object(answer)
    if found.get("verified") is not True:
        raise ValueError(f"`verified` is not true: {found.get('how') or 'no reason given'}")
    return _text(found, "how")


def drilled(answer: str) -> tuple[str, datetime, str]:
    """The backup that the provider restored, its time, and how it was restored, from the answer to `drill`.

    Raises ValueError if the provider did not restore a backup. The answer to another call does not count as a restore.
    """
    found = _object(answer)
    if found.get("restored") is not True:
        raise ValueError(f"`restored` is not true: {found.get('how') or 'no reason given'}")
    return _text(found, "id"), _moment(found), _text(found, "how")


def _object(answer: str) -> dict[str, Any]:
    try:
        found = read_json(answer)
    except ValueError:
        raise ValueError("it printed no JSON on standard output") from None
    if not isinstance(found, dict):
        raise ValueError("it did not print a JSON object")  # noqa: TRY004 - the message is for the script's author
    return found


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"`{key}` is missing, or not a text")
    return value.strip()


def _moment(found: dict[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(found, "time"))
    except ValueError:
        raise ValueError("`time` is missing, or not an ISO 8601 time such as 2026-11-24T09:30:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("`time` has no time zone")
    return moment


def _lsn(found: dict[str, Any]) -> str:
    value = found.get("lsn")
    if value is None:
        return ""
    if not isinstance(value, str) or not _LSN.fullmatch(value):
        raise ValueError("`lsn` is not an LSN such as 0/3000168")
    return value

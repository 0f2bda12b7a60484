"""The recovery point of a run: the position in the server's WAL before the first step. Recovery can end there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ..lazy import dataclass


class Archive(StrEnum):
    """Whether the server's WAL is archived. Without an archive, point-in-time recovery (PITR) is not possible."""

    ARCHIVED = "archived"
    FAILING = "failing"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ArchiveFacts:
    """The facts about a server's WAL archive. A fact is None if this role cannot read it."""

    mode: str | None = None
    """The server's setting `archive_mode`."""
    wal_level: str | None = None
    command: bool | None = None
    """Whether the server has an `archive_command` or an `archive_library`."""
    archived_at: datetime | None = None
    """When a WAL file was last archived."""
    failed_at: datetime | None = None
    """When the archiver last failed."""
    receivers: int | None = 0
    """The number of programs such as pg_receivewal that receive the WAL."""
    managed: str = ""
    """The role that shows that a provider runs the server. Empty without such a role."""


def archive_of(facts: ArchiveFacts) -> tuple[Archive, str]:
    """Whether the WAL is archived, and the reason, as text."""
    if facts.wal_level == "minimal":
        return Archive.NONE, "`wal_level` is minimal"
    if facts.receivers:
        connected = "receiver is" if facts.receivers == 1 else "receivers are"
        return Archive.ARCHIVED, f"{facts.receivers} WAL {connected} connected"
    if facts.mode in {"on", "always"}:
        return _archiver(facts)
    unseen = ""
    if facts.managed:
        unseen = f"the server is managed (`{facts.managed}`), and its provider's backups are not visible"
    elif facts.mode is None:
        unseen = "this role cannot read `archive_mode`"
    elif facts.receivers is None:
        unseen = "`archive_mode` is off, and this role cannot see whether a program receives the WAL"
    if unseen:
        return Archive.UNKNOWN, unseen
    return Archive.NONE, "`archive_mode` is off, and no program such as pg_receivewal receives the WAL"


def _archiver(facts: ArchiveFacts) -> tuple[Archive, str]:
    if facts.failed_at and (facts.archived_at is None or facts.archived_at < facts.failed_at):
        return Archive.FAILING, f"the archiver failed at {_moment(facts.failed_at)}, and has archived nothing since"
    if facts.archived_at:
        return Archive.ARCHIVED, f"a WAL file was last archived at {_moment(facts.archived_at)}"
    if facts.command is False and not facts.managed:
        return Archive.NONE, "`archive_mode` is on, but there is no `archive_command` and no `archive_library`"
    return Archive.UNKNOWN, f"`archive_mode` is {facts.mode}, but the server shows no archived WAL file yet"


@dataclass(frozen=True)
class RecoveryPoint:
    """The position in the WAL after the backup and before the first step."""

    at: datetime
    lsn: str = ""
    """The position of the WAL's end (LSN). Empty if the server does not show the position to this role, or at all."""
    timeline: int | None = None
    name: str = ""
    """The name of the restore point that was created. Empty if this role may not create a restore point."""
    archive: Archive = Archive.UNKNOWN
    why: str = ""
    """Why `archive` has its value."""

    @property
    def target(self) -> str:
        """The target of a recovery: the restore point, the LSN or the time, whichever is known first.

        The other known values, and the timeline, follow in brackets."""
        named = f"restore point `{self.name}`" if self.name else ""
        place = f"LSN `{self.lsn}`" if self.lsn else ""
        line = f"timeline {self.timeline}" if self.timeline else ""
        first, *more = filter(None, (named, place, f"`{_literal(self.at)}`", line))
        return f"{first} ({', '.join(more)})" if more else first

    @property
    def text(self) -> str:
        """Text such as `PITR to restore point …`, or the reason why PITR is impossible or may be impossible."""
        match self.archive:
            case Archive.ARCHIVED:
                return f"PITR to {self.target}"
            case Archive.FAILING:
                return f"PITR to {self.target} requires that the archiver works again: {self.why}"
            case Archive.NONE:
                return f"NO PITR: there is no archive from which {self.target} can be recovered, because {self.why}"
            case Archive.UNKNOWN:
                return f"PITR to {self.target} if the WAL is archived, which is unknown: {self.why}"

    def to_data(self) -> dict[str, Any]:
        """The JSON object that the ledger stores."""
        return {
            "at": self.at.isoformat(),
            "lsn": self.lsn or None,
            "timeline": self.timeline,
            "name": self.name or None,
            "archive": self.archive.value,
            "why": self.why,
        }

    @classmethod
    def of(cls, receipt: str | None) -> RecoveryPoint | None:
        """Parses the recovery point in a ledger entry's `receipt`. None if the receipt has none or cannot be parsed."""
        try:
            found: Any = json.loads(receipt)["recovery_point"] if receipt else None
            return cls(
                datetime.fromisoformat(found["at"]),
                str(found["lsn"] or ""),
                int(found["timeline"]) if found["timeline"] else None,
                str(found["name"] or ""),
                Archive(found["archive"]),
                str(found["why"]),
            )
        except (ValueError, KeyError, TypeError):
            return None


def restore_point_name(at: datetime, fingerprint: str) -> str:
    """The name of a run's restore point, at most 63 bytes. The time makes the name unique in a server's WAL."""
    return f"ctgitops {at.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z {fingerprint[:12]}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _literal(at: datetime) -> str:
    """The time in the format of the setting `recovery_target_time`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00"

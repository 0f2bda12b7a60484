"""The result of a drill: the restore of a finished backup on a throw-away server."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from ...lazy import dataclass
from ...untrusted_json import read_json

if TYPE_CHECKING:
    from ...errors import CtgitopsError


@dataclass(frozen=True)
class Drill:
    """One restore of a finished backup. It shows whether the backup can be restored, and how long this takes."""

    backup: str
    began_at: datetime
    download_seconds: float
    """The seconds to download the files, to decrypt them and to compare them with the receipt."""
    restore_seconds: float
    """The seconds to restore the backup and to compare the database with the receipt."""
    place: str
    """The server on which the backup was restored."""
    failed: str = ""
    """Why the drill failed. Empty if the restored database matches the receipt."""
    by: str = ""
    """The provider that restored the backup and reported the result. Empty if ctgitops restored and compared it."""

    @property
    def seconds(self) -> float:
        """The sum of `download_seconds` and `restore_seconds`."""
        return self.download_seconds + self.restore_seconds

    def to_json(self) -> str:
        """The text that is stored beside the backup."""
        return json.dumps(vars(self), default=datetime.isoformat, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Drill:
        """Parses the text that `to_json` returns. Raises ValueError if the text is malformed."""
        try:
            data = read_json(text)
            return cls(**{**data, "began_at": datetime.fromisoformat(data["began_at"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a drill: {error}") from error


@dataclass(frozen=True)
class FailedDrill:
    """A drill that ended with an error. It is then unknown whether the environment's newest backup can be restored."""

    environment: str
    error: CtgitopsError

    @property
    def exit_status(self) -> int:
        """The exit status of the error."""
        return self.error.exit_status


@dataclass(frozen=True)
class PassedDrill:
    """An environment's newest backup was restored, and matches its receipt. With `Drill.by`, a provider says so."""

    environment: str
    drill: Drill
    exit_status: ClassVar[int] = 0


DrillResult = PassedDrill | FailedDrill

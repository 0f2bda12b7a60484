"""Object Lock of S3: new objects cannot be deleted until a date. Asks the store whether it locked an object."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from urllib.request import Request, urlopen

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

MODE = "GOVERNANCE"
"""A mistake in the manifest can be corrected with the right `s3:BypassGovernanceRetention`. COMPLIANCE has no way
back."""
_SECONDS = 30


@dataclass(frozen=True)
class ObjectLock:
    """The lock of objects that are put now."""

    store: S3Store
    """A client that locks each object that it puts."""
    until: datetime
    ca: str = ""
    """The file with the certificates of trusted authorities. Empty for those of the system."""

    def confirmed(self, name: str) -> bool:
        """Whether the store says that an object is locked until the date. False without the right to ask. Read-only."""
        try:
            url = obstore.sign(self.store, "HEAD", name, timedelta(minutes=5))
            context = ssl.create_default_context(cafile=self.ca or None) if url.startswith("https") else None
            with urlopen(Request(url, method="HEAD"), timeout=_SECONDS, context=context) as answer:  # noqa: S310 - S3's
                said = answer.headers.get("x-amz-object-lock-retain-until-date") or ""
            return bool(said) and datetime.fromisoformat(said) >= self.until
        except (BaseError, OSError, HTTPException, ValueError):
            return False


def end_of(duration: timedelta, now: datetime) -> datetime:
    """The date until which an object is locked that is put at `now`."""
    return (now.astimezone(UTC) + duration).replace(microsecond=0)


def headers(until: datetime) -> dict[str, str]:
    """The headers of a put that locks its object."""
    return {"x-amz-object-lock-mode": MODE, "x-amz-object-lock-retain-until-date": f"{until:%Y-%m-%dT%H:%M:%SZ}"}

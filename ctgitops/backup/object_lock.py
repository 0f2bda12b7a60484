"""S3 Object Lock, which prevents the deletion of new objects until a date. Asks the store if an object is locked."""

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
"""The mode of the lock. With the permission `s3:BypassGovernanceRetention`, a user can still delete an object.

In the mode COMPLIANCE, an object that is locked for too long by mistake cannot be deleted.
"""
_SECONDS = 30


@dataclass(frozen=True)
class ObjectLock:
    """The lock for new objects."""

    store: S3Store
    """A client that locks each object that it uploads."""
    until: datetime
    ca: str = ""
    """The file with the certificates of trusted authorities. Empty for the system's certificates."""

    def confirmed(self, name: str) -> bool:
        """Whether the store confirms that an object is locked until the date. Read-only.

        False if the credentials may not read the lock.
        """
        try:
            url = obstore.sign(self.store, "HEAD", name, timedelta(minutes=5))
            context = ssl.create_default_context(cafile=self.ca or None) if url.startswith("https") else None
            with urlopen(Request(url, method="HEAD"), timeout=_SECONDS, context=context) as answer:  # noqa: S310 - S3's
                said = answer.headers.get("x-amz-object-lock-retain-until-date") or ""
            return bool(said) and datetime.fromisoformat(said) >= self.until
        except (BaseError, OSError, HTTPException, ValueError):
            return False


def end_of(duration: timedelta, now: datetime) -> datetime:
    """The date on which the lock of an object ends, if the object is uploaded at `now`."""
    return (now.astimezone(UTC) + duration).replace(microsecond=0)


def headers(until: datetime) -> dict[str, str]:
    """The headers with which an upload locks the new object."""
    return {"x-amz-object-lock-mode": MODE, "x-amz-object-lock-retain-until-date": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
